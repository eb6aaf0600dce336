"""From a reference to an image at hand."""
