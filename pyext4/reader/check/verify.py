"""The full check: what the survey found, compared with what the filesystem says about itself."""

from __future__ import annotations

import stat
from collections import Counter
from typing import Final

from pyext4.errors import DamagedError, UnsupportedError
from pyext4.ondisk.dir_entry import EXT4_FT_UNKNOWN
from pyext4.ondisk.inode import EXT4_ROOT_INO
from pyext4.ondisk.superblock import EXT4_SUPER_MAGIC
from pyext4.reader.check.every_inode import Survey, take_survey
from pyext4.reader.check.group_metadata import group_metadata
from pyext4.reader.decode.checksums import CRC_START, ext4_crc
from pyext4.reader.disk.measures import SUPERBLOCK
from pyext4.reader.disk.open_image import Image
from pyext4.reader.files.directory_entries import FILE_TYPES
from pyext4.reader.files.inode_xattrs import xattr_block

__all__ = ["verify"]

# with these a block may legitimately be used twice, or a bit covers more than one block
_OTHER_BITMAPS: Final = ("bigalloc", "shared_blocks")
_MOST_GROUP_NUMBER: Final = 0xFFFF  # s_block_group_nr has 16 bits


def verify(image: Image) -> list[DamagedError]:
    """Check an image; the list is empty if nothing is wrong.

    Raises:
        UnsupportedError: a feature changes the meaning of bitmaps.
    """
    for name in sorted(image.layout.features):
        if name in _OTHER_BITMAPS or name.startswith("FEATURE_"):
            raise UnsupportedError(name, "can't verify a filesystem with this feature")
    try:
        survey = take_survey(image)
    except DamagedError as error:
        return [error]
    _check_backups(survey)
    _check_names(survey)
    _check_shared(survey)
    _check_blocks(survey)
    _check_inode_counts(survey)
    _check_orphans(survey)
    return survey.problems


def _check_backups(survey: Survey) -> None:
    """Check the copies of the superblock; their counts may legitimately be old."""
    image, layout = survey.image, survey.image.layout
    for group in range(1, layout.groups_count):
        if not layout.has_super(group):
            continue
        raw = image.blocks(layout.group_start(group))[: SUPERBLOCK.size]
        fields = SUPERBLOCK.unpack(raw)
        expected = ext4_crc(CRC_START, raw[: SUPERBLOCK.offsets["s_checksum"]])
        if fields["s_magic"] != EXT4_SUPER_MAGIC or fields["s_uuid"] != layout.fields["s_uuid"]:
            survey.note("superblock backup of group", group, "is not of this filesystem")
        elif fields["s_block_group_nr"] != min(group, _MOST_GROUP_NUMBER):
            reason = f"says group {fields['s_block_group_nr']}"
            survey.note("superblock backup of group", group, reason)
        elif layout.checksummed and fields["s_checksum"] != expected:
            survey.note("superblock backup of group", group, "checksum is wrong")


def _check_names(survey: Survey) -> None:
    """Compare names with the inodes that they refer to, and link counts with names."""
    links: Counter[int] = Counter()
    holder = {EXT4_ROOT_INO: EXT4_ROOT_INO}
    for directory, entries in survey.names.items():
        for entry in entries:
            links[entry.ino] += 1
        for entry in entries[2:]:
            known = survey.known.get(entry.ino)
            if known is None:
                reason = f"{entry.name!r} leads to inode {entry.ino}, which is not in use"
                survey.note("directory", directory, reason)
                continue
            if entry.file_type not in (EXT4_FT_UNKNOWN, FILE_TYPES[known.kind]):
                reason = f"{entry.name!r} has type {entry.file_type}, but its inode does not"
                survey.note("directory", directory, reason)
            if known.kind == stat.S_IFDIR:
                if entry.ino in holder:
                    survey.note("directory", entry.ino, "is in two places")
                holder.setdefault(entry.ino, directory)
    for directory, entries in survey.names.items():
        if directory in holder and entries[1].ino != holder[directory]:
            reason = f"says inode {entries[1].ino} holds it, not {holder[directory]}"
            survey.note("directory", directory, reason)
    _check_links(survey, links)
    _check_reach(survey, holder)


def _check_links(survey: Survey, links: Counter[int]) -> None:
    layout = survey.image.layout
    hidden = {
        layout.fields[name]
        for name in (
            "s_journal_inum",
            "s_usr_quota_inum",
            "s_grp_quota_inum",
            "s_prj_quota_inum",
            "s_orphan_file_inum",
        )
    }
    for ino, known in survey.known.items():
        if known.value_references is not None or ino in hidden:
            continue
        if ino < layout.first_ino and ino != EXT4_ROOT_INO:
            continue
        # a directory that ever had 65,000 subdirectories says 1
        uncounted = known.kind == stat.S_IFDIR and known.links == 1
        if uncounted and "dir_nlink" in layout.features:
            continue
        if not links[ino]:
            survey.note("inode", ino, "is in use, but no name leads there")
        elif links[ino] != known.links:
            survey.note("inode", ino, f"has {known.links} links, but {links[ino]} names")


def _check_reach(survey: Survey, holder: dict[int, int]) -> None:
    """Check that the way up from every directory ends at the root."""
    reached = {EXT4_ROOT_INO}
    for directory in survey.names:
        way: dict[int, None] = {}
        at: int | None = directory
        while at is not None and at not in reached and at not in way:
            way[at] = None
            at = holder.get(at)
        if at in reached:
            reached.update(way)
        else:
            survey.note("directory", directory, "can't be reached from the root")


def _check_shared(survey: Survey) -> None:
    """Compare the reference counts of attribute blocks and ea_inodes with their uses."""
    for block, users in survey.xattr_blocks.items():
        try:
            header, _ = xattr_block(survey.image, block)
        except DamagedError:
            continue  # already noted when its inode was read
        if header["h_refcount"] != users:
            reason = f"h_refcount is {header['h_refcount']}, expected {users}"
            survey.note("xattr block", block, reason)
    for ino, known in survey.known.items():
        if known.value_references is None:
            continue
        if known.value_references != survey.value_users[ino]:
            reason = f"{known.value_references} references, expected {survey.value_users[ino]}"
            survey.note("inode", ino, reason)


def _check_blocks(survey: Survey) -> None:
    """Compare the block bitmaps and the counts of free blocks with the blocks in use."""
    image, layout = survey.image, survey.image.layout
    survey.problems.extend(survey.claims.overlaps())
    in_use = survey.claims.bitmaps(layout)
    total = 0
    for number in range(layout.groups_count):
        group, blocks = image.group(number), layout.group_blocks(number)
        used = in_use.get(number, 0)
        free = blocks - used.bit_count()
        total += free
        if group.free_blocks != free:
            survey.note("group", number, f"{group.free_blocks} free blocks, expected {free}")
        if group.block_uninit:
            bitmap = _own_bits(image, number)
        else:
            try:
                bitmap = int.from_bytes(image.block_bitmap(group), "little")
            except DamagedError as error:
                survey.problems.append(error)
                continue
            padding = (1 << 8 * layout.block_size) - (1 << blocks)
            if bitmap & padding != padding:
                survey.note("block bitmap", number, "bits beyond its end are not set")
            bitmap &= ~padding
        start = layout.group_start(number)
        for bits, reason in ((used & ~bitmap, "in use, but free"), (bitmap & ~used, "not used")):
            if bits:
                first = start + (bits & -bits).bit_length() - 1
                detail = f"{bits.bit_count()} blocks from {first} are {reason} in the bitmap"
                survey.note("block bitmap", number, detail)
    stated = layout.fields["s_free_blocks_count_lo"]
    if "64bit" in layout.features:
        stated |= layout.fields["s_free_blocks_count_hi"] << 32
    if stated != total:
        survey.note("superblock", 0, f"{stated} free blocks, expected {total}")


def _own_bits(image: Image, group: int) -> int:
    """Return the bits implied by an unwritten block bitmap: the group's own metadata."""
    layout = image.layout
    start, end = layout.group_start(group), layout.group_start(group) + layout.group_blocks(group)
    bits = 0
    for first, length, _ in group_metadata(image, group):
        low, high = max(first, start), min(first + length, end)
        if low < high:
            bits |= ((1 << high - low) - 1) << (low - start)
    return bits


def _check_inode_counts(survey: Survey) -> None:
    image, layout = survey.image, survey.image.layout
    directories = Counter(
        (ino - 1) // layout.inodes_per_group
        for ino, known in survey.known.items()
        if known.kind == stat.S_IFDIR
    )
    total = 0
    for number, bits in survey.inodes_in_use.items():
        group = image.group(number)
        free = layout.inodes_per_group - bits.bit_count()
        total += free
        if group.free_inodes != free:
            survey.note("group", number, f"{group.free_inodes} free inodes, expected {free}")
        if group.used_dirs != directories[number]:
            reason = f"{group.used_dirs} directories, expected {directories[number]}"
            survey.note("group", number, reason)
    for ino in range(1, layout.first_ino):
        number, index = divmod(ino - 1, layout.inodes_per_group)  # a group can have as few as 8
        if not survey.inodes_in_use.get(number, -1) >> index & 1:
            survey.note("inode bitmap", number, f"inode {ino} is free, but reserved")
    if layout.fields["s_free_inodes_count"] != total:
        stated = layout.fields["s_free_inodes_count"]
        survey.note("superblock", 0, f"{stated} free inodes, expected {total}")


def _check_orphans(survey: Survey) -> None:
    head = survey.image.layout.fields["s_last_orphan"]
    if head:
        survey.note("superblock", 0, f"inode {head} waits to be deleted, run: e2fsck -p")
    if "orphan_present" in survey.image.layout.features:
        survey.note("superblock", 0, "orphans wait to be deleted, run: e2fsck -p")
