"""`--diff`: an image file held against what a reference would become.

The comparison is pyext4's; here the two meet. Nothing here pulls or merges.
"""
