"""From a tree to a filesystem: look at the tree, plan every inode and block, write the plan.

`assembly` sets the order of the steps, and `writer` is the library's interface. `pyext4.structures`
knows what a structure looks like, `pyext4.space` which blocks there are.
"""
