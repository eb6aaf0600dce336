"""pull/registry."""
