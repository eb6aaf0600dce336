"""Layers as streams of bytes: decompressed ahead of their turn, in threads, and hashed.

Nothing here knows what the bytes mean.
"""
