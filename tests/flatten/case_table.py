"""The form of a case: layers in, tree out, and umoci's result for the same layers."""

from __future__ import annotations

from dataclasses import dataclass

from tests.flatten.tars import MemoryLayer, layer

__all__ = ["Case", "case"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case.

    `outcome` is the tree's listing, or what the error says. `umoci` is empty where `umoci unpack`
    makes the same tree; otherwise it tells what umoci does and why we don't.
    """

    name: str
    layers: tuple[MemoryLayer, ...]
    outcome: dict[str, str] | str
    umoci: str = ""


def case(
    name: str,
    outcome: dict[str, str] | str,
    *layers: tuple[bytes, ...] | MemoryLayer,
    umoci: str = "",
) -> Case:
    """Make a case; a layer is a blob, or a tuple of members."""
    made = tuple(each if isinstance(each, MemoryLayer) else layer(*each) for each in layers)
    return Case(name=name, layers=made, outcome=outcome, umoci=umoci)
