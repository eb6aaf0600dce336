"""What is changed of an image's content on its way: options, and the order in which they apply.

How a tree is changed is `pyext4.editing`'s; what is put on top comes as layers of `flatten`.
"""
