"""pull/guest/kernel."""
