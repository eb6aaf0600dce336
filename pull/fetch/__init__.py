"""pull/fetch."""
