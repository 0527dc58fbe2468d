"""What estimates are worth: queries of TPC-H, TPC-DS and the demo, priced and run, and what engines read of them."""
