"""Starting from what was converted before, and keeping states for those who come after.

An image's data, its order and the tree depend on its layers alone. So the state after some layers
serves every image that begins with them and has blocks of the same size.

The state of the whole image is kept, that below the layers that are small against what they lie on
(those that a rebuild changes), and that of the longest beginning that was met before. Where cache
and output share blocks, this is free. Where it costs a copy, a state is kept only of layers that
were met before, or if that is asked for.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from flatten import Applied
from pull.cache.checkpoints import Checkpoint, Checkpoints
from pull.fetch.room import free_bytes
from pull.image import Layer
from pull.spec.chain import chain_ids
from pyext4 import Ext4Writer
from pyext4.checkpoint import StateError, save, take_up
from pyext4.checkpoint.data import clone, copy, pieces_of
from pyext4.checkpoint.moves import Move, moved, moves
from pyext4.checkpoint.sharing import shared_bytes
from pyext4.tree import Tree

__all__ = ["Reuse"]

VERSION: Final = 2
"""Of what the merge makes of layers and the store of their data: another one, other bytes."""

_ROOM: Final = 2  # a copy is kept if the disk has room for this many
_LEAST_ROOM_BYTES: Final = 1 << 30  # and for this much beside them
_SMALL: Final = 4  # layers above are small if they have less than this part of those below


class Reuse:
    """One conversion's dealings with the checkpoints of a cache."""

    def __init__(
        self, checkpoints: Checkpoints, layers: Sequence[Layer], writer: Ext4Writer, *, keep: bool
    ) -> None:
        """Look at `layers` of an image, without those that are put on top of it."""
        self._checkpoints = checkpoints
        self._writer = writer
        self._keys = [
            f"{chain.replace(':', '-')}-{writer.placement}-{VERSION}"
            for chain in chain_ids(layer.diff_id for layer in layers)
        ]
        self._sizes = [layer.size for layer in layers]
        self._keep = keep
        self._free = False
        self.began = 0  # layers that were not decoded
        self.kept = 0  # states
        self.dropped = 0  # damaged ones

    def begin(self) -> tuple[Tree, Applied] | None:
        """Start from the longest beginning that there is a state of; None: there is none.

        Raises:
            OSError: reading it, or writing its data to the image, failed.
        """
        store = self._writer.store
        self._free = self._can_share()
        if self._free or self._keep or self._is_met(0):
            store.keep_checksums()
        for count in range(len(self._keys), 0, -1):
            found = self._open(self._keys[count - 1])
            if found is None:
                continue
            with found:
                state = found.state
                order = store.allocator.order
                if store.is_beyond(order.end(state.handed_out)):
                    continue  # too small an image; the merge will say so
                tree = take_up(state, store)
                ways = moves(state, order)
                if not clone(found.data_fd, store.fd, ways):
                    copy(found.data_fd, store.fd, ways)
                store.came(moved(state.pieces, ways))
                facts = state.facts
            self.began = count
            counts = int(facts["entries"]), int(facts["tar_bytes"])
            return tree, Applied(count, *counts, is_settled=True)
        return None

    def after_layer(self, tree: Tree, applied: Applied) -> None:
        """Keep the state after a layer, if it is one to keep; `applied` counts from `begin` on.

        Whatever fails here is no reason to fail: the image is what was asked for.
        """
        number = applied.layers
        if not 0 < number <= len(self._keys) or not applied.is_settled:
            return
        key = self._keys[number - 1]
        with contextlib.suppress(OSError, StateError):
            met = self._checkpoints.has(key) or self._checkpoints.meet(key)
            wanted = number in (len(self._keys), self._below_small_ones())
            wanted = wanted or (met and not self._is_met(number))
            if wanted and (self._free or self._keep or met):
                self._make(key, tree, applied)

    def shared_bytes(self, path: Path) -> int:
        """Count the bytes of the finished image that it shares with other files."""
        if not self._free:
            return 0
        with path.open("rb", 0) as file:
            return shared_bytes(file.fileno())

    def _make(self, key: str, tree: Tree, applied: Applied) -> None:
        store = self._writer.store
        if self._checkpoints.has(key):
            return
        with self._checkpoints.make(key) as making:
            if making is None:
                return
            store.flush()
            end_bytes = store.allocator.end * store.block_size
            pieces = pieces_of(store.fd, store.written, end_bytes)
            whole = [Move(0, 0, end_bytes)]
            if not clone(store.fd, making.data_fd, whole):
                free = free_bytes(self._checkpoints.directory)
                if free is not None and free < _ROOM * end_bytes + _LEAST_ROOM_BYTES:
                    return  # the image and the layers to come may need it
                copy(store.fd, making.data_fd, whole)
            facts = {"entries": applied.entries, "tar_bytes": applied.tar_bytes}
            making.finish(save(tree, store, pieces, {**facts, **making.facts()}))
            self.kept += 1

    def _open(self, key: str) -> Checkpoint | None:
        try:
            return self._checkpoints.open(key)
        except StateError:
            self.dropped += 1
            return None

    def _is_met(self, index: int) -> bool:
        if index >= len(self._keys):
            return False
        key = self._keys[index]
        return self._checkpoints.path(key, "met").exists() or self._checkpoints.has(key)

    def _below_small_ones(self) -> int:
        """Return how many layers lie below those that are small against them."""
        total, below = sum(self._sizes), 0
        for number, size in enumerate(self._sizes, 1):
            below += size
            if (total - below) * _SMALL <= below:
                return number
        return len(self._sizes)

    def _can_share(self) -> bool:
        """Tell whether the cache's files can share blocks with the image."""
        probe = self._checkpoints.partial(f"probe-{os.getpid()}", "data")
        try:
            probe.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fd = os.open(probe, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError:
            return False
        try:
            return clone(self._writer.store.fd, fd, [Move(0, 0, 0)])
        except OSError:
            return False
        finally:
            os.close(fd)
            Path(probe).unlink(missing_ok=True)
