"""From image layers to one tree."""
