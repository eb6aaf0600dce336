"""pyext4/reader/decode."""
