"""Where the bytes of an image are: by layer and by directory, as numbers and as text.

It looks at what is placed and at the tree that comes out, and changes neither.
"""
