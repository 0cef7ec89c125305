"""Bytes in, a format a file; record batches out."""
