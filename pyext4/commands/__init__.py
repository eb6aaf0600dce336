"""The commands of `python -m pyext4`: what a user at a shell wants to do with an image.

cli       arguments, exit statuses, errors
info      the filesystem's facts, as text or JSON
listing   names, and all that is known about one
text      how modes, times and names are shown
extract   files back onto the host
make      an empty filesystem
sizes     how sizes are written
"""
