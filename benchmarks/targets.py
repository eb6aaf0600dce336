"""The figures to reach, and how each is calculated from the results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.contest import Result

__all__ = ["TARGETS", "Target", "found"]

Results = Mapping[tuple[str, str], Result]
"""(workload, contestant) -> what was measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A figure to reach; `value` raises KeyError if its parts were not measured."""

    what: str
    at_most: float | None = None
    at_least: float | None = None
    value: Callable[[Results], float]

    def bound(self) -> str:
        """Return the aim as text."""
        return f"<= {self.at_most:g}" if self.at_most is not None else f">= {self.at_least:g}"

    def reached(self, value: float) -> bool:
        """Compare."""
        if self.at_most is not None:
            return value <= self.at_most
        assert self.at_least is not None
        return value >= self.at_least


def _ratio(above: tuple[str, str], below: tuple[str, str]) -> Callable[[Results], float]:
    """Compare medians of one interleaved run."""
    return lambda results: results[above].seconds / results[below].seconds


def _disk_ratio(results: Results) -> float:
    """Compare what twenty images and the states of their layers occupy with their parts."""
    ours = results["twenty-xfs", "ours"]
    return ours.disk_bytes / ours.least_bytes


def _qcow2_ratio(results: Results) -> float:
    """Compare the size of a qcow2 image with what differs from the image below it."""
    onto = results["rebuild", "ours, onto the old image"]
    return onto.image_bytes / onto.least_bytes


def _per_entry(results: Results) -> float:
    """Peak memory for the largest tree, less what the process had before, for each entry."""
    big = results["entries", "1000000 entries"]
    before = max(run.rss_before_bytes for run in big.runs)
    return (big.memory_bytes - before) / 1_000_000


OURS, COLD = ("cached", "ours"), ("cold", "ours, cold cache")

TARGETS = (
    Target(
        what="image, cached: ours / floor", at_most=1.15, value=_ratio(OURS, ("cached", "floor"))
    ),
    Target(
        what="image, cached: umoci unpack + mke2fs -d / ours",
        at_least=12,
        value=_ratio(("cached", "umoci unpack + mke2fs -d"), OURS),
    ),
    Target(
        what="image, cached: mke2fs -d alone on the ready tree / ours",
        at_least=2,
        value=_ratio(("cached", "mke2fs -d, tree unpacked before"), OURS),
    ),
    Target(
        what="image, cold: skopeo + umoci + mke2fs -d / ours",
        at_least=12,
        value=_ratio(("cold", "skopeo + umoci + mke2fs -d"), COLD),
    ),
    Target(
        what="image, cold: microsandbox / ours",
        at_least=8,
        value=_ratio(("cold", "microsandbox"), COLD),
    ),
    Target(
        what="image: ours cold / ours cached", at_most=1.25, value=_ratio(COLD, ("cold", "ours"))
    ),
    Target(
        what="image, cached: peak memory, MiB",
        at_most=200,
        value=lambda results: results[OURS].memory_bytes / 2**20,
    ),
    Target(
        what="image, cached: bytes written / bytes allocated",
        at_most=1.05,
        value=lambda results: results[OURS].written_bytes / results[OURS].image_bytes,
    ),
    Target(
        what="one directory of 50,000 empty files: mke2fs -d / ours",
        at_least=60,
        value=_ratio(("flat", "mke2fs -d"), ("flat", "ours")),
    ),
    Target(
        what="200 directories of 500 files: mke2fs -d / ours",
        at_least=3,
        value=_ratio(("small", "mke2fs -d"), ("small", "ours")),
    ),
    Target(
        what="1,000,000 entries / 100,000 entries",
        at_most=11,
        value=_ratio(("entries", "1000000 entries"), ("entries", "100000 entries")),
    ),
    Target(what="1,000,000 entries: bytes of memory an entry", at_most=800, value=_per_entry),
    Target(
        what="8 GiB from the host: ours / cp, both synced",
        at_most=1.1,
        value=_ratio(("big", "ours"), ("big", "cp, then sync")),
    ),
    Target(
        what="image with zstd layers, cached: ours / floor",
        at_most=1.15,
        value=_ratio(("zstd", "ours"), ("zstd", "floor")),
    ),
    Target(
        what="image, cached: ours pure / ours compiled",
        at_most=4,
        value=_ratio(("pure", "ours, pure"), ("pure", "ours")),
    ),
    Target(
        what="another top layer, XFS: ours / floor of the whole image",
        at_most=0.25,
        value=_ratio(("rebuild-xfs", "ours"), ("rebuild-xfs", "floor")),
    ),
    Target(
        what="another top layer, ext4: ours / floor of the whole image",
        at_most=0.6,
        value=_ratio(("rebuild", "ours"), ("rebuild", "floor")),
    ),
    Target(
        what="another top layer: qcow2 onto the old image / changed bytes",
        at_most=1.2,
        value=_qcow2_ratio,
    ),
    Target(
        what="the same image with another size, XFS: ours / floor of the whole image",
        at_most=0.15,
        value=_ratio(("again-xfs", "ours"), ("again-xfs", "floor")),
    ),
    Target(
        what="first conversion, XFS: states kept / not kept",
        at_most=1.03,
        value=_ratio(("again-xfs", "ours, the first time"), ("again-xfs", "ours, in full")),
    ),
    Target(
        what="twenty images on one base, XFS: ours / each in full",
        at_most=0.15,
        value=_ratio(("twenty-xfs", "ours"), ("twenty-xfs", "ours, each in full")),
    ),
    Target(
        what="twenty images on one base, XFS: disk used / sum of the parts",
        at_most=1.1,
        value=_disk_ratio,
    ),
)


def found(results: Sequence[Result]) -> list[tuple[Target, float]]:
    """Pair each target whose parts were measured with its value."""
    table = {(result.workload, result.contestant): result for result in results}
    pairs = []
    for target in TARGETS:
        try:
            pairs.append((target, target.value(table)))
        except KeyError:
            continue  # not part of this run
    return pairs
