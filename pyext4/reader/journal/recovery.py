"""The replay: which block of the image is to be read from the log instead.

As in the kernel, the log is gone through for three things. First, where it ends: transactions
follow each other by number, and one without its commit block never happened. Second, which blocks
are revoked: a block that was freed may since hold data, which a copy from before must not cover.
Third, the copies, of which the last one counts. The image isn't written: what comes out is a
table from the block to its place in the log, whose size is bounded by the journal's.

A journal that contradicts its checksums isn't replayed at all, and the reader says so. The kernel
refuses to mount such an image; `debugfs -c` reads it as it is, and so do we.

Specification: fs/jbd2/recovery.c.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from pyext4.errors import DamagedError, Ext4Error
from pyext4.numbers import MAX_32
from pyext4.ondisk import jbd2
from pyext4.packer import Packer
from pyext4.reader.decode.checksums import CRC_START
from pyext4.reader.disk.open_image import Copy, Image
from pyext4.reader.journal import records
from pyext4.reader.journal.log import Log, read_log

__all__ = ["Recovery", "recover"]

_COMMIT: Final = Packer(jbd2.CommitHeader)
_FAST: Final = Packer(jbd2.FastCommitHead)
_KNOWN: Final = (
    jbd2.JBD2_FEATURE_INCOMPAT_REVOKE
    | jbd2.JBD2_FEATURE_INCOMPAT_64BIT
    | jbd2.JBD2_FEATURE_INCOMPAT_ASYNC_COMMIT
    | jbd2.JBD2_FEATURE_INCOMPAT_CSUM_V2
    | jbd2.JBD2_FEATURE_INCOMPAT_CSUM_V3
    | jbd2.JBD2_FEATURE_INCOMPAT_FAST_COMMIT
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """What became of the journal of a filesystem that was not unmounted.

    Attributes:
        replayed: Whether its transactions count.
        transactions: How many there were.
        blocks: How many blocks are read from the journal.
        warning: What was not replayed, and why; empty if all was.
    """

    replayed: bool
    transactions: int = 0
    blocks: int = 0
    warning: str = ""

    @property
    def done(self) -> str:
        """Say what was replayed, if anything."""
        if not self.replayed:
            return ""
        many = "" if self.transactions == 1 else "s"
        return f"replayed in memory: {self.transactions} transaction{many}, blocks: {self.blocks}"

    def __str__(self) -> str:
        """Say all of it in a line."""
        return "; ".join(filter(None, (self.done, self.warning)))


@dataclass(slots=True)
class _Transaction:
    sequence: int
    descriptors: list[int] = field(default_factory=list)  # blocks of the log
    revokes: list[int] = field(default_factory=list)


def recover(image: Image, *, replay: bool) -> Recovery | None:
    """Lay over the image what its journal holds; None where it was unmounted.

    `replay` may be false: then nothing is done but said.
    """
    dirty = "needs_recovery" in image.layout.features
    if not dirty:
        return _left_behind(image)
    if not replay:
        return _not_replayed("as asked, so files may be old or damaged")
    if not image.layout.fields["s_journal_inum"]:
        return _not_replayed("it is on another device, so files may be old or damaged")
    try:
        log = read_log(image)
        if log is None:
            return _not_replayed("there is none")
        _check(log)
        transactions, following = _scan(log) if log.fields["s_start"] else ([], None)
        copies = _replay(log, transactions)
        image.lay_over(copies)
    except Ext4Error as error:
        return _not_replayed(f"{error}; files may be old or damaged")
    return Recovery(
        replayed=True,
        transactions=len(transactions),
        blocks=len(copies),
        warning=_fast_commits(log, following),
    )


def _not_replayed(reason: str) -> Recovery:
    return Recovery(replayed=False, warning=f"the journal was not replayed: {reason}")


def _left_behind(image: Image) -> Recovery | None:
    """Look for transactions that nobody asks to replay; the kernel drops them."""
    log = read_log(image)
    if log is None or not log.fields["s_start"]:
        return None
    return _not_replayed("it holds transactions, but the superblock doesn't ask for them")


def _check(log: Log) -> None:
    """Refuse what journal_get_superblock and load_superblock refuse."""
    fields = log.fields
    unknown = fields["s_feature_incompat"] & ~_KNOWN
    both = jbd2.JBD2_FEATURE_INCOMPAT_CSUM_V2 | jbd2.JBD2_FEATURE_INCOMPAT_CSUM_V3
    sums = (fields["s_feature_incompat"] & both).bit_count()
    sums += fields["s_feature_compat"] & jbd2.JBD2_FEATURE_COMPAT_CHECKSUM
    if unknown or fields["s_feature_ro_compat"]:
        raise _damaged(log, f"unknown features {unknown:#x}, {fields['s_feature_ro_compat']:#x}")
    if sums > 1:
        raise _damaged(log, "several kinds of checksums")
    if log.checksummed and fields["s_checksum_type"] != jbd2.JBD2_CRC32C_CHKSUM:
        raise _damaged(log, f"unknown kind of checksum: {fields['s_checksum_type']}")
    if not 0 < log.first < log.end:
        raise _damaged(log, f"the log begins at block {log.first} of {log.end}")
    if fields["s_start"] and not log.first <= fields["s_start"] < log.end:
        raise _damaged(log, f"the first transaction begins at block {fields['s_start']}")


@dataclass(slots=True)
class _Scan:
    """The search for the log's end."""

    log: Log
    current: _Transaction
    left: int  # blocks of the ring; nothing stands in it twice
    found: list[_Transaction] = field(default_factory=list)
    crc: int = CRC_START  # of COMPAT_CHECKSUM
    newest: int = 0  # time of the last commit
    suspicious: bool = False  # a checksum was wrong since then

    def take(self, at: int) -> int:
        """Look at a record; return how many blocks it takes, 0 where the log has ended."""
        data = self.log.read(at)
        header = records.read_header(data)
        if header is None or header[1] != self.current.sequence:
            return 0
        if header[0] == jbd2.JBD2_COMMIT_BLOCK:
            return int(self._commit(data))
        if header[0] not in (jbd2.JBD2_DESCRIPTOR_BLOCK, jbd2.JBD2_REVOKE_BLOCK):
            return 0
        # a block that is older than the journal may stand here, so only the commit block tells
        self.suspicious |= not records.tail_is_sound(self.log, data)
        if header[0] == jbd2.JBD2_REVOKE_BLOCK:
            self.current.revokes.append(at)
            return 1
        self.current.descriptors.append(at)
        count = sum(1 for _ in records.read_tags(self.log, data))
        if self.log.fields["s_feature_compat"] & jbd2.JBD2_FEATURE_COMPAT_CHECKSUM:
            self._add(data, at, count)
        return 1 + count

    def _add(self, data: bytes, at: int, count: int) -> None:
        self.crc = records.crc32_be(self.crc, data)
        for step in range(1, count + 1):
            self.crc = records.crc32_be(self.crc, self.log.read(self.log.after(at, step)))

    def _commit(self, data: bytes) -> bool:
        """Take the transaction; False where it isn't one that this log has."""
        time, number = _COMMIT.unpack(data)["h_commit_sec"], self.current.sequence
        sound = records.commit_is_sound(self.log, data, self.crc)
        if (self.suspicious or not sound) and time < self.newest:
            return False  # from before: what was logged later ended here
        if self.suspicious:
            raise _damaged(self.log, f"a checksum of transaction {number} is wrong")
        if not sound:
            if self.log.has(jbd2.JBD2_FEATURE_INCOMPAT_ASYNC_COMMIT):
                return False  # it may have been on its way
            raise _damaged(self.log, f"the commit block of {number} has a wrong checksum")
        self.newest, self.crc = time, CRC_START
        self.found.append(self.current)
        self.current = _Transaction(number + 1 & MAX_32)
        return True


def _scan(log: Log) -> tuple[list[_Transaction], int]:
    """Return the transactions that were committed, and the number of the next one."""
    scan = _Scan(log, _Transaction(log.fields["s_sequence"]), log.end - log.first)
    at = log.fields["s_start"]
    while used := scan.take(at):
        scan.left -= used
        if scan.left < 0:
            raise _damaged(log, "the log has no end")
        at = log.after(at, used)
    return scan.found, scan.current.sequence


def _replay(log: Log, transactions: list[_Transaction]) -> dict[int, Copy]:
    """Return the block of the image -> its copy."""
    revoked = {}  # block -> the last transaction that revokes it, counted from the first
    for number, transaction in enumerate(transactions):
        for at in transaction.revokes:
            for block in records.read_revoked(log, log.read(at)):
                revoked[block] = number
    copies: dict[int, Copy] = {}
    most = log.image.size_bytes // log.image.layout.block_size
    for number, transaction in enumerate(transactions):
        for descriptor in transaction.descriptors:
            at = descriptor
            for tag in records.read_tags(log, log.read(descriptor)):
                at = log.after(at)
                if revoked.get(tag.block, -1) >= number:
                    continue
                if not tag.vouches_for(log, transaction.sequence, log.read(at)):
                    raise _damaged(log, f"the checksum of a copy of block {tag.block} is wrong")
                if tag.block >= most:
                    raise _damaged(log, f"a copy of block {tag.block}, which doesn't exist")
                copies[tag.block] = Copy(log.place(at), tag.escaped)
    return copies


def _fast_commits(log: Log, following: int | None) -> str:
    """Look for a fast commit on top of the last transaction (fc_do_one_pass)."""
    if not log.fast_blocks:
        return ""
    head = _FAST.unpack(log.read(log.end + 1))  # the one before is never used (jbd2_fc_init)
    expected = log.fields["s_sequence"] if following is None else following
    if (head["fc_tag"], head["fc_tid"]) != (jbd2.EXT4_FC_TAG_HEAD, expected):
        return ""
    return "fast commits were not replayed, so the last seconds are missing"


def _damaged(log: Log, reason: str) -> DamagedError:
    return DamagedError("journal", log.ino, reason)
