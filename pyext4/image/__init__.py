"""pyext4/image."""
