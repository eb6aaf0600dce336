"""pyext4/structures."""
