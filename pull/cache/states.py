"""Looking after checkpoints: what there is, what it occupies, whether it is sound, what can go.

Removing one is safe at any time: whoever has it open keeps its data, and images that share its
blocks keep them.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pull.cache.cache import Cache
from pull.cache.checkpoints import Checkpoints
from pull.cache.maintenance import Blob
from pull.spec.chain import chain_ids
from pull.spec.digest import Digest
from pyext4.checkpoint.sharing import shared_bytes

__all__ = ["KeptState", "beyond", "prune_states", "states", "verify_states"]

_CONFIG_MAX_BYTES = 4 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptState:
    """The state of an image after some of its layers.

    Attributes:
        chain_id: names the layers; see image-spec, config.md.
        size: bytes that it occupies, shared ones included.
        shared: bytes that other files have too, such as images that began with it.
        used: when it was last used, in seconds since the epoch.
        references: the images that were pulled and have these layers.
    """

    key: str
    chain_id: str
    size: int
    shared: int
    used: float
    references: tuple[str, ...]


def states(cache: Cache, referenced: Mapping[Digest, set[str]]) -> list[KeptState]:
    """List all states, the one used last first; `referenced` tells who needs which blob."""
    names = _chains(cache, referenced)
    place = Checkpoints(cache)
    found = []
    for path in place.directory.glob("*.state"):
        key = path.stem
        algorithm, _, rest = key.partition("-")
        chain_id = f"{algorithm}:{rest.partition('-')[0]}"
        try:
            status = path.stat()
            with place.path(key, "data").open("rb", 0) as data:
                occupied = os.fstat(data.fileno()).st_blocks * 512
                shared = min(shared_bytes(data.fileno()), occupied)
        except FileNotFoundError:
            continue  # gone meanwhile
        found.append(
            KeptState(
                key=key,
                chain_id=chain_id,
                size=occupied + status.st_blocks * 512,
                shared=shared,
                used=status.st_mtime,
                references=tuple(sorted(names.get(chain_id, ()))),
            )
        )
    return sorted(found, key=lambda state: (-state.used, state.key))


def verify_states(cache: Cache, found: list[KeptState]) -> Iterator[tuple[KeptState, bool]]:
    """Read every state whole and yield it with whether it is sound; a damaged one is dropped."""
    place = Checkpoints(cache)
    for state in found:
        sound = place.is_sound(state.key)
        if not sound:
            place.drop(state.key)
        yield state, sound


def prune_states(
    cache: Cache, found: list[KeptState], goes: Callable[[KeptState], bool], *, dry_run: bool
) -> list[KeptState]:
    """Remove the states that are to go, and whatever belongs to none; return what went."""
    place = Checkpoints(cache)
    gone = [state for state in found if goes(state)]
    if not dry_run:
        for state in gone:
            place.drop(state.key)
        _remove_orphans(place)
    return gone


def beyond(
    blobs: Iterable[Blob], found: Iterable[KeptState], max_bytes: int
) -> tuple[set[Digest], set[str]]:
    """Return the blobs and the keys of the states that there is no room for.

    Those used last stay. Of a state, what only it occupies counts.
    """
    sizes: list[tuple[float, int, Digest | str]]
    sizes = [(blob.used, blob.size, blob.digest) for blob in blobs]
    sizes += [(state.used, state.size - state.shared, state.key) for state in found]
    total = 0
    gone: list[Digest | str] = []
    for _, size, name in sorted(sizes, key=lambda item: -item[0]):
        total += size
        if total > max_bytes:
            gone.append(name)
    return (
        {name for name in gone if isinstance(name, Digest)},
        {name for name in gone if isinstance(name, str)},
    )


def _chains(cache: Cache, referenced: Mapping[Digest, set[str]]) -> dict[str, set[str]]:
    """Return which references lead to images with which chain IDs."""
    found: dict[str, set[str]] = {}
    for digest, names in referenced.items():
        for chain_id in chain_ids(_diff_ids(cache.path(digest))):
            found.setdefault(chain_id, set()).update(names)
    return found


def _diff_ids(path: Path) -> list[str]:
    """Return the diff_ids of a config; none if the blob is anything else."""
    try:
        if path.stat().st_size > _CONFIG_MAX_BYTES:
            return []
        with path.open("rb") as file:
            if file.read(1) != b"{":
                return []
        diff_ids = json.loads(path.read_bytes())["rootfs"]["diff_ids"]
        return [text for text in diff_ids if isinstance(text, str)]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return []


def _remove_orphans(place: Checkpoints) -> None:
    """Remove data whose state is gone, unless someone is at it."""
    for data in place.directory.glob("*.data"):
        key = data.stem
        if place.has(key):
            continue
        try:
            fd = os.open(place.partial(key, "state"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not place.has(key):
                data.unlink(missing_ok=True)
            place.partial(key, "state").unlink(missing_ok=True)
        except OSError:
            pass  # it is being made
        finally:
            os.close(fd)
