"""What survives a crash: SQL tables and row files."""
