"""pyext4/space."""
