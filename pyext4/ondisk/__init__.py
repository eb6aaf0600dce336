"""ext4's structures as they are on the disk, and nothing else.

One `construct.Struct` for each structure, the kernel's field names letter for letter, offset and
meaning in the comment after each field. These declarations are the only source of names, order
and widths: the reader parses with them, `pyext4.packer` derives its packers from them, and the
C structs of `pyext4.native` are compared with them.

Where a structure has variable parts (a directory entry's name, an inode's room for attributes,
the entries after an extent header), the declaration is its fixed part.

Specification: https://docs.kernel.org/filesystems/ext4/ and fs/ext4/ of the kernel.
"""
