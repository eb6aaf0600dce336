"""What an inode holds: bytes, directory entries with their index, attributes.

Nothing here follows a path, or checks the image as a whole.
"""
