"""What some metadata needs once all layers are applied; `flatten.settling` acts on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from flatten.left_out import Counted
from flatten.tar.acl_text import TextAcl
from pyext4.tree import Metadata

__all__ = ["Remark", "Remarks"]


class Remark(NamedTuple):
    """A note about `meta`, which it keeps alive, so that no other object gets its id."""

    meta: Metadata
    left_out: Counted = ()
    acls: tuple[tuple[bytes, TextAcl], ...] = ()  # (attribute, ACL that has names)


Remarks: TypeAlias = Mapping[int, Remark]
"""By the id of the metadata."""
