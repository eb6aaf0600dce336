"""Change a tree that is at hand: leave names out, map owners, cap times.

Functions on a `Tree` that change it in place and return how much they changed. What knows layers,
blocks or command lines does not belong here. Metadata that nodes share is changed once and stays
shared.
"""

from __future__ import annotations

from pyext4.editing.exclude import exclude
from pyext4.editing.owners import OwnerRange, map_owners
from pyext4.editing.times import clamp_times

__all__ = ["OwnerRange", "clamp_times", "exclude", "map_owners"]
