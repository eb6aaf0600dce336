"""pull/local."""
