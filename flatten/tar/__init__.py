"""flatten/tar."""
