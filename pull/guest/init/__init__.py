"""pull/guest/init."""
