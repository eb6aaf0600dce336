"""pyext4/reader/check."""
