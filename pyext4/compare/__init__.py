"""Two filesystems side by side: which paths they don't share, and what differs at those they do.

A side is an open image or a tree. Nothing here reads a disk's structures itself, or prints.
"""

from __future__ import annotations

from pyext4.compare.differences import Change, Difference, diff_images

__all__ = ["Change", "Difference", "diff_images"]
