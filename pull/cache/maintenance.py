"""Look after a cache: what is in it, whether it is sound, and what can go.

A blob is referenced if a tag or a digest that was pulled leads to it, through indexes, manifests
and their configs and layers. Removing is safe at any time: a process that has a blob open keeps its
bytes, and one that needs it later downloads it again.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pull.cache.cache import Cache
from pull.errors import DigestSyntaxError, ManifestError
from pull.spec.digest import Digest
from pull.spec.manifest import Index, parse_document

__all__ = ["Blob", "Leftover", "blobs", "leftovers", "prune", "referenced", "verify"]

_DOCUMENT_MAX_BYTES = 4 << 20
_DAY_SECONDS = 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """A blob in the cache; `used` is when it was last used, in seconds since the epoch."""

    digest: Digest
    size: int
    used: float
    references: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """A file of an unfinished download."""

    path: Path
    size: int
    used: float


def blobs(cache: Cache) -> list[Blob]:
    """List all blobs with the references that lead to them, most recently used first."""
    names = referenced(cache)
    found = []
    for path in (cache.directory / "blobs").glob("*/*"):
        try:
            digest = Digest.parse(f"{path.parent.name}:{path.name}")
            status = path.stat()
        except (DigestSyntaxError, FileNotFoundError):
            continue  # not ours, or already gone
        references = tuple(sorted(names.get(digest, ())))
        found.append(
            Blob(digest=digest, size=status.st_size, used=status.st_mtime, references=references)
        )
    return sorted(found, key=lambda blob: (-blob.used, blob.digest))


def leftovers(cache: Cache) -> list[Leftover]:
    """List downloads that are in progress or broken off."""
    found = []
    for path in (cache.directory / "partial").glob("*"):
        try:
            status = path.stat()
        except FileNotFoundError:
            continue
        found.append(Leftover(path=path, size=status.st_size, used=status.st_mtime))
    return found


def referenced(cache: Cache) -> dict[Digest, set[str]]:
    """Return every blob that a pulled reference leads to, with the references."""
    found: dict[Digest, set[str]] = {}
    children: dict[Digest, list[Digest]] = {}
    for name, digest in _roots(cache):
        pending = [digest]
        while pending:
            here = pending.pop()
            if name in found.setdefault(here, set()):
                continue
            found[here].add(name)
            if here not in children:
                children[here] = _children(cache, here)
            pending += children[here]
    return found


def verify(cache: Cache) -> Iterator[tuple[Blob, bool]]:
    """Hash every blob; yield it and whether it is sound; drop damaged ones."""
    for blob in blobs(cache):
        sound = cache.is_sound(blob.digest)
        if not sound:
            cache.drop(blob.digest)
        yield blob, sound


def prune(
    cache: Cache,
    *,
    older_than_seconds: float | None = None,
    max_bytes: int | None = None,
    unreferenced: bool = False,
    also: Collection[Digest] = (),
    dry_run: bool = False,
) -> tuple[list[Blob], list[Leftover]]:
    """Remove what matches any criterion, and leftovers a day old; return what was removed."""
    now = time.time()
    left = blobs(cache)
    gone = [blob for blob in left if blob.digest in also]
    if unreferenced:
        gone += [blob for blob in left if not blob.references]
    if older_than_seconds is not None:
        gone += [blob for blob in left if now - blob.used > older_than_seconds]
    gone = list({blob.digest: blob for blob in gone}.values())
    if max_bytes is not None:
        gone += _beyond([blob for blob in left if blob not in gone], max_bytes)
    old = [item for item in leftovers(cache) if now - item.used > _DAY_SECONDS]
    if not dry_run:
        for blob in gone:
            cache.drop(blob.digest)
        old = [item for item in old if _remove_unless_locked(item.path)]
        _forget_references(cache)
    return gone, old


def _beyond(left: Sequence[Blob], max_bytes: int) -> list[Blob]:
    """Return the blobs in `left`, ordered most recently used first, that don't fit."""
    total = 0
    gone = []
    for blob in left:
        total += blob.size
        if total > max_bytes:
            gone.append(blob)
    return gone


def _roots(cache: Cache) -> Iterator[tuple[str, Digest]]:
    top = cache.directory / "references"
    for path in sorted(top.rglob("*")):
        kind = path.parent.name
        if kind not in ("_tags", "_digests") or not path.is_file():
            continue
        repository = path.parent.parent.relative_to(top)
        joint = ":" if kind == "_tags" else "@"
        try:
            yield f"{repository}{joint}{path.name}", Digest.parse(path.read_text().strip())
        except (DigestSyntaxError, FileNotFoundError, UnicodeDecodeError):
            continue


def _children(cache: Cache, digest: Digest) -> list[Digest]:
    path = cache.path(digest)
    try:
        if path.stat().st_size > _DOCUMENT_MAX_BYTES:
            return []
        with path.open("rb") as file:
            # layers aren't JSON; don't read them whole to find out
            if file.read(1) not in (b"{", b" ", b"\n", b"\t"):
                return []
        document = parse_document(path.read_bytes(), str(digest))
    except (FileNotFoundError, ManifestError, DigestSyntaxError):
        return []
    if isinstance(document, Index):
        return [entry.digest for entry in document.manifests]
    return [document.config.digest, *(layer.digest for layer in document.layers)]


def _remove_unless_locked(path: Path) -> bool:
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # with the lock held: the next holder sees that the name is gone, and starts over
        path.unlink(missing_ok=True)
    except BlockingIOError:
        return False
    finally:
        os.close(fd)
    return True


def _forget_references(cache: Cache) -> None:
    """Remove references to documents that are gone: they could not be used offline."""
    for path in (cache.directory / "references").rglob("*"):
        if path.parent.name not in ("_tags", "_digests") or not path.is_file():
            continue
        try:
            known = cache.path(Digest.parse(path.read_text().strip())).exists()
        except (DigestSyntaxError, UnicodeDecodeError):
            known = False
        if not known:
            path.unlink(missing_ok=True)
