"""Every pair of types in one place, across layers and within one layer.

image-spec, layer.md, "Changeset over existing files": "If the entry and the existing path are
both directories, then the existing path's attributes MUST be replaced by those of the entry [...]
In all other cases, the implementation MUST do the semantic equivalent of: removing the file path
[...]; recreating the file path, based on the contents and attributes of the entry."
"""

from __future__ import annotations

from tests.flatten.case_table import Case, case
from tests.flatten.tars import block, char, directory, fifo, file, hardlink, symlink

__all__ = ["CASES"]

KINDS: dict[str, tuple[tuple[bytes, ...], dict[str, str]]] = {
    "file": ((file(b"x", b"1", mode=0o600),), {"x": "file 1 | mode=600"}),
    "directory": (
        (directory(b"x", 0o700), file(b"x/in", b"2")),
        {"x": "dir | mode=700", "x/in": "file 2"},
    ),
    "symlink": ((symlink(b"x", b"t"),), {"x": "-> t"}),
    "device": ((char(b"x", 5, 1),), {"x": "char 5:1"}),
    "block device": ((block(b"x", 8, 1),), {"x": "block 8:1"}),
    "fifo": ((fifo(b"x"),), {"x": "fifo"}),
    "hard link": ((hardlink(b"x", b"t"),), {"x": "= t"}),
}
TARGET = {"t": "file T"}


def _pairs() -> list[Case]:
    cases = []
    target = file(b"t", b"T")
    for lower, (lower_members, _) in KINDS.items():
        for upper, (upper_members, upper_tree) in KINDS.items():
            if lower == upper == "directory":
                continue  # the one pair that merges is in cases_paths
            tree = {**TARGET, **upper_tree}
            cases.append(
                case(f"{upper} over {lower}", tree, (target, *lower_members), upper_members)
            )
            cases.append(
                case(
                    f"{lower} then {upper} in one layer",
                    tree,
                    (target, *lower_members, *upper_members),
                )
            )
    return cases


CASES = tuple(_pairs())
