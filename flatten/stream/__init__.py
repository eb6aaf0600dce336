"""The bytes of layers on their way: decompressed ahead of their turn, in threads, and hashed.

Nothing here knows what is in them.
"""
