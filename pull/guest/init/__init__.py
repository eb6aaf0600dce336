"""The guest's first process: its C sources, how they are compiled, and the file that it reads.

Nothing here knows images or trees.
"""
