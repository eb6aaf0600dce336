"""What every block of an image is for: stretches of metadata, of files' data, of free space.

Nothing here judges the image; that is `pyext4.reader.check`. Nothing here draws.
"""

from __future__ import annotations

from pyext4.regions.blocks import KINDS, Region, block_map

__all__ = ["KINDS", "Region", "block_map"]
