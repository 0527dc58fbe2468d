"""What exists: tables, columns, types, functions and the SQL dialect that names them."""
