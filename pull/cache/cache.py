"""The blob cache: content-addressed, shared by processes, and never wrong.

    blobs/<algorithm>/<hex>        whole and verified blobs: layers, configs, manifests
    partial/<algorithm>-<hex>      a download in progress, or a broken one: a prefix of the blob
    references/<registry>/<repository>/_tags/<tag>          the last digest that a tag had
    references/<registry>/<repository>/_digests/<digest>    the same digest, if it was asked for

A blob gets its final name by a rename, once all its bytes have been written, hashed, checked
against its digest and size, and synced. The downloader holds a lock (flock) on the partial file
itself, so a killed process leaves no lock, only bytes that the next one can continue from, and
there are no lock files to clean up. A blob's age is its modification time, which each use renews.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from pull.errors import CacheError, CancelledError, DigestSyntaxError
from pull.spec.digest import Digest
from pull.spec.reference import Reference

__all__ = ["Cache", "Partial", "default_cache_dir", "named_cache_dir"]

_VARIABLE = "PYEXT4_CACHE"
_LOCK_POLL_SECONDS = 0.05
_SMALL_BUFFER_BYTES = 1 << 18
_DIRECT_ALIGNMENT = 4096  # of place and length: enough for every disk there is


def named_cache_dir() -> Path | None:
    """Return what $PYEXT4_CACHE names; None if it is not set or empty."""
    named = os.environ.get(_VARIABLE)
    return Path(named) if named else None


def default_cache_dir() -> Path:
    """Return what $PYEXT4_CACHE names, else the directory in the user's cache directory.

    Raises:
        CacheError: The user has no home directory.
    """
    named = named_cache_dir()
    if named is not None:
        return named
    import platformdirs  # noqa: PLC0415  # imported where it is needed: --help shouldn't wait

    directory = Path(platformdirs.user_cache_dir("pyext4"))
    if not directory.is_absolute():  # neither $HOME nor an entry in passwd: a "~" stays in it
        reason = "there is no home directory; choose one with --cache-dir or $PYEXT4_CACHE"
        raise CacheError(directory, reason)
    return directory


class Partial:
    """A claimed download: a file to write to, and its way to the final name.

    Owned by `Cache.claim`, which closes it and gives up the lock.
    """

    def __init__(self, digest: Digest, path: Path, final: Path, fd: int) -> None:
        self.digest = digest
        self.path = path
        self.fd = fd
        self._direct_fd: int | None = None  # -1: the filesystem has no direct writes
        self._final = final

    @property
    def size(self) -> int:
        """The number of bytes written so far."""
        return os.fstat(self.fd).st_size

    def truncate(self, size: int) -> None:
        """Drop everything after `size` bytes."""
        os.ftruncate(self.fd, size)

    def write(self, data: bytes | memoryview, offset: int, *, directly: bool = False) -> None:
        """Write all of `data` at `offset`, `directly` past the page cache if possible.

        That is possible for whole pages in memory and in the file.

        Raises:
            OSError: With the file's name, for example if the disk is full.
        """
        view = memoryview(data)
        if directly and (offset | len(view)) % _DIRECT_ALIGNMENT == 0:
            view = view[self._write_directly(view, offset) :]
            offset += len(data) - len(view)
        while view:
            try:
                written = os.pwrite(self.fd, view, offset)
            except OSError as error:
                error.filename = str(self.path)
                raise
            view = view[written:]
            offset += written

    def _write_directly(self, view: memoryview, offset: int) -> int:
        """Return how much was written; a normal write will tell why it was not all."""
        if self._direct_fd is None:
            self._direct_fd = _open_directly(self.path)
        try:
            return os.pwrite(self._direct_fd, view, offset)
        except OSError:
            return 0

    def close(self) -> None:
        """Close the file, which gives up the lock."""
        if self._direct_fd not in (None, -1):
            os.close(self._direct_fd)
        os.close(self.fd)

    def commit(self) -> None:
        """Give the blob its final name; the caller has verified every byte."""
        try:
            os.fsync(self.fd)
        except OSError as error:
            error.filename = str(self.path)
            raise
        # renamed while locked: a process that waits for the lock finds the name gone, and the blob
        self.path.rename(self._final)
        _sync_directory(self._final.parent)

    def discard(self) -> None:
        """Remove the file: it is not the beginning of the blob."""
        self.path.unlink(missing_ok=True)


class Cache:
    """A cache in a directory, which is created if it is missing.

    Without `make` nothing is made, and a directory that is not there is an empty cache; with
    `must_exist` it is an error.

    Raises:
        CacheError: Other users could write into the directory, or it is not there.
    """

    def __init__(self, directory: Path, *, make: bool = True, must_exist: bool = False) -> None:
        self.directory = directory
        try:
            if make and not must_exist:
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            _refuse_shared(directory)
        except FileExistsError as error:
            raise CacheError(directory, "is not a directory") from error
        except FileNotFoundError as error:
            if must_exist:
                raise CacheError(directory, "is not there") from error

    def path(self, digest: Digest) -> Path:
        """Return where a blob is, or would be."""
        return self.directory / "blobs" / digest.algorithm / digest.hex

    def partial_path(self, digest: Digest) -> Path:
        """Return where a download that is under way, or broke off, is or would be."""
        return self.directory / "partial" / f"{digest.algorithm}-{digest.hex}"

    def has(self, digest: Digest, size: int) -> bool:
        """Tell whether a blob of this size is there, and change nothing."""
        try:
            return self.path(digest).stat().st_size == size
        except FileNotFoundError:
            return False

    def find(self, digest: Digest, size: int | None = None) -> Path | None:
        """Return a blob's path if it is there; one with a wrong size is dropped."""
        path = self.path(digest)
        try:
            found = path.stat()
        except FileNotFoundError:
            return None
        if size is not None and found.st_size != size:
            self.drop(digest)
            return None
        with contextlib.suppress(OSError):  # a cache on a read-only disk has no ages
            os.utime(path)
        return path

    def open(self, digest: Digest, size: int) -> BinaryIO | None:
        """Open a blob of the right size, or return None if it is missing; nothing is hashed."""
        path = self.find(digest, size)
        try:
            return path.open("rb", _SMALL_BUFFER_BYTES) if path else None
        except FileNotFoundError:  # pruned in between
            return None

    def read(self, digest: Digest, max_bytes: int | None = None) -> bytes | None:
        """Return a small blob's bytes, verified; a damaged one is dropped.

        With `max_bytes`, a larger one counts as missing.
        """
        try:
            if max_bytes is not None and self.path(digest).stat().st_size > max_bytes:
                return None
            data = self.path(digest).read_bytes()
        except FileNotFoundError:
            return None
        if not digest.verifies(data):
            self.drop(digest)
            return None
        with contextlib.suppress(OSError):
            os.utime(self.path(digest))
        return data

    def store(self, digest: Digest, data: bytes) -> None:
        """Keep a small blob that the caller has verified."""
        self._write_atomically(self.path(digest), data)

    def drop(self, digest: Digest) -> None:
        """Remove a blob."""
        self.path(digest).unlink(missing_ok=True)

    def is_sound(self, digest: Digest) -> bool:
        """Hash a blob and tell whether it matches its name; False if it is missing."""
        try:
            return digest.of_file(self.path(digest)) == digest
        except FileNotFoundError:
            return False

    def tagged(self, reference: Reference) -> Digest | None:
        """Return the digest that a tag had when it was last asked for."""
        try:
            text = self._reference_path(reference).read_text(encoding="ascii")
            return Digest.parse(text.strip())
        except (FileNotFoundError, NotADirectoryError, UnicodeDecodeError, DigestSyntaxError):
            return None

    def remember(self, reference: Reference, digest: Digest) -> None:
        """Record which digest a reference means now."""
        self._write_atomically(self._reference_path(reference), f"{digest}\n".encode())

    def checkpointed(self, chains: Sequence[str]) -> int:
        """Return how many of an image's layers some checkpoint begins with, of whatever placement.

        `chains` are the chain IDs of its first layer, the first two, and so on.
        """
        try:
            names = [path.name for path in (self.directory / "checkpoints").glob("*.state")]
        except OSError:
            return 0
        there = {name.partition("-")[2].partition("-")[0] for name in names}
        counts = range(len(chains), 0, -1)
        return next((n for n in counts if chains[n - 1].partition(":")[2] in there), 0)

    @contextlib.contextmanager
    def claim(self, digest: Digest, cancelled: Callable[[], bool]) -> Iterator[Partial | None]:
        """Claim the download of a blob; yield None if another has finished it meanwhile.

        Waits for a process or thread that is downloading it. Its death ends the wait too.

        Raises:
            CancelledError: `cancelled` became true while waiting.
        """
        path = self.partial_path(digest)
        final = self.path(digest)
        for directory in (path.parent, final.parent):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        while not final.exists():
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            with contextlib.closing(Partial(digest, path, final, fd)) as partial:
                _lock(fd, path, str(digest), cancelled)
                if not _is_at(fd, path):
                    continue  # finished or discarded by its owner while we waited
                if final.exists():
                    path.unlink(missing_ok=True)
                    continue
                yield partial
                return
        yield None

    def _reference_path(self, reference: Reference) -> Path:
        # a repository's name can't begin with an underscore, so nothing collides
        place = self.directory / "references" / reference.registry / reference.repository
        if reference.digest is not None:
            return place / "_digests" / str(reference.digest)
        return place / "_tags" / (reference.tag or "latest")

    def _write_atomically(self, path: Path, data: bytes) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # beside the partial downloads, where leftovers of a crash are pruned
        scratch = self.directory / "partial"
        scratch.mkdir(mode=0o700, exist_ok=True)
        import tempfile  # noqa: PLC0415  # rarely needed: most blobs are large, or already here

        with tempfile.NamedTemporaryFile(dir=scratch, prefix="small-", delete=False) as file:
            try:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
                Path(file.name).rename(path)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise


def _refuse_shared(directory: Path) -> None:
    found = directory.stat()
    if not stat.S_ISDIR(found.st_mode):
        raise CacheError(directory, "is not a directory")
    advice = "others could plant files in it; use your own with --cache-dir"
    if found.st_uid not in (os.geteuid(), 0):
        raise CacheError(directory, f"belongs to another user (uid {found.st_uid}): {advice}")
    own_group = found.st_gid == os.getegid() and os.getegid() == os.geteuid()
    if found.st_mode & stat.S_IWOTH or (found.st_mode & stat.S_IWGRP and not own_group):
        raise CacheError(directory, f"is writable by other users: {advice}, or chmod go-w it")


def _lock(fd: int, path: Path, what: str, cancelled: Callable[[], bool]) -> None:
    # polled, because a thread that is blocked in flock can't be told to stop
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if cancelled():
                raise CancelledError(what) from None
            time.sleep(_LOCK_POLL_SECONDS)
        except OSError as error:
            reason = f"its filesystem has no file locks ({error.strerror}); choose another"
            raise CacheError(path.parent.parent, f"{reason} with --cache-dir") from error
        else:
            return


def _open_directly(path: Path) -> int:
    """Open a file for writes past the page cache; -1 if that isn't possible."""
    try:
        return os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_DIRECT)
    except (OSError, AttributeError):  # the second if this system has no O_DIRECT
        return -1


def _is_at(fd: int, path: Path) -> bool:
    mine = os.fstat(fd)
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return (mine.st_dev, mine.st_ino) == (there.st_dev, there.st_ino)


def _sync_directory(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
