"""Bytes to values, and the sums and hashes over them. Nothing here has an image open."""
