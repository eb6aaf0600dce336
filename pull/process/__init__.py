"""What each program of this package does around its work.

Standard streams, signals from the first moment, command lines, and which backend runs. Nothing here
knows what the programs do.
"""
