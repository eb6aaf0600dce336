"""Manual pages, made from the parsers by argparse-manpage: `make man`.

They are kept here, because a wheel is built where the packages that the parsers need are not
installed. A test compares them with the parsers.
"""
