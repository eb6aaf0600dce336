"""From image layers to one tree.

    tree = flatten([tar_layer("x.tar")]) # a tar of this machine
    tree = flatten(layers)               # contents in a temporary file
    tree = flatten(layers, into=store)   # contents straight to where they are wanted
    flatten(more, into=store, onto=tree) # layers that depend on what the others made

`layers` are anything that `flatten.layer.Layer` describes, oldest first. `flatten.merge.rules`
explains the rules.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from flatten.errors import (
    DiffIdError,
    FlattenError,
    HostError,
    LayerError,
    LimitError,
    NodeError,
    OutputError,
)
from flatten.layer import HostLayer, Layer
from flatten.left_out import LeftOut
from flatten.limits import Limits
from flatten.merge.rules import Merge
from flatten.native import new_scanner
from flatten.spool import Spool
from flatten.stream.chunks import ChunkPipeline
from flatten.tar.rows import Fault, Scanner
from pyext4.content import ContentStore
from pyext4.tree import Tree
from pyext4.version import __version__

if TYPE_CHECKING:
    from flatten.host_layers import Addition, added_layer, parse_addition, tar_layer

__all__ = [
    "Addition",
    "AfterLayer",
    "Applied",
    "DiffIdError",
    "FlattenError",
    "HostError",
    "HostLayer",
    "Layer",
    "LayerError",
    "LeftOut",
    "LimitError",
    "Limits",
    "NodeError",
    "OutputError",
    "Progress",
    "Spool",
    "__version__",
    "added_layer",
    "flatten",
    "parse_addition",
    "tar_layer",
]

if not TYPE_CHECKING:
    _FROM_THE_HOST = ("Addition", "added_layer", "parse_addition", "tar_layer")

    def __getattr__(name: str) -> object:
        """Import a name when it is asked for: an image's own layers need nothing of the host's."""
        if name not in _FROM_THE_HOST:
            msg = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(msg)
        found = getattr(import_module("flatten.host_layers"), name)
        globals()[name] = found  # the next time nobody has to ask
        return found


class Progress(Protocol):
    """Told how far the layers are: any function of these three arguments.

        def show(number: int, compressed_bytes: int, tar_bytes: int) -> None:
            print(f"layer {number}: {compressed_bytes} of {layers[number].size}")

        flatten(layers, progress=show)

    It is called after each piece of about 1 MiB, in the thread that called `flatten`, which waits
    for it. What it raises ends the work.
    """

    def __call__(self, number: int, compressed_bytes: int, tar_bytes: int, /) -> None:
        """Take note of a layer.

        Args:
            number: Which of `layers`, the first is 0.
            compressed_bytes: How many of its bytes are read so far.
            tar_bytes: How many bytes of its uncompressed tar are in the tree.
        """
        ...


class Applied(NamedTuple):
    """How far a merge is; `flatten` can go on from there with the same store.

    Attributes:
        layers: How many were applied.
        entries: How many entries their tars have.
        tar_bytes: How large their tars are.
        is_settled: Whether nothing of them waits for the end: nothing was left out, and no ACL has
            names.
    """

    layers: int
    entries: int
    tar_bytes: int
    is_settled: bool


NOTHING_APPLIED: Final = Applied(0, 0, 0, is_settled=True)

AfterLayer = Callable[[Tree, Applied], None]
"""Called with the tree and how far the merge is, when all of a layer is in the tree."""

# "Registered algorithms", image-spec, descriptor.md
ALGORITHMS = frozenset({"sha256", "sha512"})

_REASONS = {
    Fault.CHECKSUM: "header checksum is wrong: this is not a tar, or it is damaged",
    Fault.NUMBER: "a number in the header can't be read",
    Fault.OWNER: "owner, group or device number is out of range",
    Fault.RECORD: "PAX record can't be read",
    Fault.GLOBAL: "global PAX header sets what only one file can have",
    Fault.LONE_ZERO: "a header follows a block of zeros",
    Fault.ORPHAN: "extended header without a file that it describes",
    Fault.NUL: "path has a NUL",
    Fault.TRUNCATED: "tar is cut short",
    Fault.SPARSE: "sparse file in a header that is not GNU tar's",
}


def flatten(
    layers: Sequence[Layer],
    into: ContentStore | None = None,
    *,
    onto: Tree | None = None,
    applied: Applied = NOTHING_APPLIED,
    after_layer: AfterLayer | None = None,
    limits: Limits | None = None,
    progress: Progress | None = None,
    workers: int = 2,
    left_out: LeftOut | None = None,
    strict: bool = False,
    on_layer: Callable[[int], object] | None = None,
) -> Tree:
    """Apply `layers`, oldest first, and return the merged tree.

    File contents go `into` a content store as they are decompressed; without one they go to a
    temporary file that lives as long as the tree. The result depends only on the layers' bytes:
    the store's `allocate` and `release` are called in the order of the tars' entries.
    `onto` is what an earlier call with the same store returned: the layers go on top of it, as if
    they had followed the others, and it is returned. `limits` count on from `applied`.
    `after_layer` is called between layers, with all content of the lower ones in the store.
    `progress` is called after every piece of about 1 MiB; in asyncio, run `flatten` by
    `asyncio.to_thread`, and let `progress` raise to end it. Up to `workers` layers are
    decompressed at once, ahead of their turn, in 64 MiB altogether. `on_layer` is called with a
    layer's number before the first of its entries is applied.

    What Linux can't hold is left out, as container engines do, and counted in `left_out`:
    attributes outside its namespaces or not for a file's type, ACL entries of users and groups
    that the tree's own etc/passwd and etc/group don't have. Times outside 1901 to 2446 become the
    nearest that ext4 has, and an owner of 2^32-1 becomes root. `strict` makes all these errors.

    Raises:
        NodeError: with `strict`, something would be left out; or names make an ACL impossible.
        LayerError: a layer is damaged, is not a tar, or breaks the rules of the image-spec.
        DiffIdError: its uncompressed bytes are not those that the image names.
        LimitError: it exceeds one of `limits`.
        OSError: the temporary file or a layer's stream failed.
    """
    limits = limits if limits is not None else Limits()
    for layer in layers:
        _check_diff_id(layer)
    left_out = LeftOut() if left_out is None else left_out
    if onto is not None and not layers:  # a kept state of all layers: nothing to look at again
        left_out.become(LeftOut())
        return onto
    tree = Tree() if onto is None else onto
    merge = Merge(tree, into if into is not None else Spool(), limits)
    merge.entries_count = applied.entries
    total_bytes = applied.tar_bytes
    with ChunkPipeline(layers, workers) as pipeline:
        for number, layer in enumerate(layers):
            digest = layer.digest
            if on_layer is not None:
                on_layer(number)
            added = layer.added if isinstance(layer, HostLayer) else None
            merge.begin_layer(digest, lowest=number == 0 and onto is None, added=added)
            scanner = new_scanner(limits.header_bytes)
            layer_bytes = 0
            for chunk in pipeline.chunks(number):
                layer_bytes += len(chunk.data)
                _check_sizes(
                    digest,
                    limits,
                    total_bytes + layer_bytes,
                    layer_bytes,
                    chunk.compressed_bytes,
                )
                for batch in scanner.scan(chunk.data):
                    merge.apply(batch, chunk.data)
                merge.finish_chunk()
                _check_scan(digest, limits, scanner)
                if progress is not None:
                    progress(number, chunk.compressed_bytes, layer_bytes)
            scanner.end()
            _check_scan(digest, limits, scanner)
            merge.end_layer()
            total_bytes += layer_bytes
            if after_layer is not None:
                count = applied.layers + number + 1
                settled = applied.is_settled and merge.is_settled
                after_layer(tree, Applied(count, merge.entries_count, total_bytes, settled))
    left_out.become(merge.finish(strict=strict))
    return tree


def _check_diff_id(layer: Layer) -> None:
    algorithm = (layer.diff_id or "sha256:").partition(":")[0]
    if algorithm not in ALGORITHMS:
        raise LayerError(layer.digest, f"diff_id is of an unknown algorithm: {algorithm}")


def _check_scan(digest: str, limits: Limits, scanner: Scanner) -> None:
    fault, offset = scanner.fault
    if fault is Fault.TOO_LARGE:
        raise LimitError(digest, "header_bytes", limits.header_bytes)
    if fault is not Fault.NONE:
        raise LayerError(digest, _REASONS[fault], offset=offset)


def _check_sizes(
    digest: str, limits: Limits, total_bytes: int, layer_bytes: int, compressed_bytes: int
) -> None:
    if total_bytes > limits.total_bytes:
        raise LimitError(digest, "total_bytes", limits.total_bytes)
    if layer_bytes > limits.ratio_after_bytes and layer_bytes > limits.ratio * compressed_bytes:
        raise LimitError(digest, "ratio", limits.ratio)
