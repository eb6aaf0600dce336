"""Bytes into the image file: the content store, the windows on their way to the disk, and copying.

Nothing here knows ext4's metadata: it is given blocks and fills them.
"""
