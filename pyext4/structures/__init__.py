"""Make the bytes of single structures from values.

Checksums, extent trees, hash trees, attributes, ACLs, the superblock and the content of the inodes
without names. Nothing here decides where a structure goes, or writes it there.
"""
