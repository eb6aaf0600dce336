"""What all programs of this distribution say of themselves, and how they say that they failed.

The name that one was called by, its version, its completion for shells, the name that was meant by
a misspelt one, and errors as JSON. Nothing here knows what a program does; what happens around the
work, streams and signals, is `pyext4.commands.program`.
"""
