"""Decode bytes to values, and compute sums and hashes. Nothing here opens an image."""
