"""pull/command."""
