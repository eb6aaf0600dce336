"""From a tree of files to an ext4 filesystem, and back."""
