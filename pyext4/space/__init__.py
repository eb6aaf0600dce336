"""Which block belongs to what: the geometry of the disk, runs, extents, the allocator, the size.

All of it is arithmetic: nothing here knows what a block holds, or opens a file.
"""
