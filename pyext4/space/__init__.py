"""Which block belongs to whom: the geometry of the disk, runs and extents, the allocator, the size.

All of it is arithmetic. Nothing here knows what a block holds, or opens a file.
"""
