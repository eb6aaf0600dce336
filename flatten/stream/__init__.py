"""flatten/stream."""
