"""Other outputs of a merged tree: a listing, one flattened tar, an mtree manifest."""

from __future__ import annotations

from flatten.outputs.listing import list_lines, write_list
from flatten.outputs.mtree_output import write_mtree
from flatten.outputs.tar_output import write_tar

__all__ = ["list_lines", "write_list", "write_mtree", "write_tar"]
