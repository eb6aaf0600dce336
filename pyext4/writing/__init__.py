"""pyext4/writing."""
