"""The kernel that an image brings: found in the merged tree, copied out, and unpacked."""
