"""The commands that show a whole image at once: its names, its blocks, and how two differ.

Each module turns what the library yields into lines, JSON or a picture. `text` is for the
other commands too.
"""
