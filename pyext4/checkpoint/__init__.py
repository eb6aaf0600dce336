"""The state of an image after some of its layers: kept once, gone on from later.

File data is in the image by then, and nothing else is. So a tree, an allocator and a copy of the
data area are all that the next layer needs. Here are the bytes of such a state, and how data gets
from one file to another without being read. Where states are kept, and for how long, is the
caller's business.
"""

from __future__ import annotations

from pyext4.checkpoint.state import State, StateError, load, save, take_up

__all__ = ["State", "StateError", "load", "save", "take_up"]
