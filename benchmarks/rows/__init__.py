"""The table: every row by its name, in the table's order."""
