"""pull/spec."""
