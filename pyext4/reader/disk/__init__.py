"""pyext4/reader/disk."""
