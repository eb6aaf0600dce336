"""The bytes of one structure each, made from values.

Checksums, extent trees, hash trees, attributes, ACLs, the superblock and the content of the inodes
without a name. Nothing here decides where a structure goes, or writes it there.
"""
