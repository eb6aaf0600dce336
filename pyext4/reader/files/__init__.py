"""pyext4/reader/files."""
