"""The open image: its measures, groups, inodes, and the blocks of an inode.

Nothing here knows what those blocks hold.
"""
