"""What statements cost in the end: prices, bills, adjusting entries, and the usage that people read of it."""
