"""The journal: what an image that stopped uncleanly has still to write, laid over it in memory.

Here are the log, its records and the replay. Nothing here writes, and nothing here knows what the
blocks hold.
"""
