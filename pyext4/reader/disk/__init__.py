"""The open image: its measures, groups, inodes, and which blocks an inode has.

Nothing here knows what those blocks mean to the inode.
"""
