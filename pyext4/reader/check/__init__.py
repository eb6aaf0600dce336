"""The full check of an image: every inode, every block claimed once, every checksum and count."""
