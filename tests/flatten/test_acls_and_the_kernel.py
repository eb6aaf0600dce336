"""Which ACLs are accepted: for any bytes, the same as setxattr(2) on this machine."""

from __future__ import annotations

import errno
import os
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flatten import LayerError, flatten
from tests.flatten.tars import directory, file, layer, pax
from tests.oracle_tools import refuse

pytestmark = pytest.mark.oracle

ACCESS, DEFAULT = "system.posix_acl_access", "system.posix_acl_default"
TAGS = st.sampled_from([1, 2, 4, 8, 16, 32])
IDS = st.sampled_from([0, 5, 1000, 0xFFFFFFFE, 0xFFFFFFFF])
ENTRY = st.tuples(st.one_of(TAGS, st.just(64)), st.one_of(st.integers(0, 7), st.just(8)), IDS)
SOUND = st.tuples(st.integers(0, 7), st.sampled_from([0, 5, 1000]))


def packed(entries: list[tuple[int, int, int]], version: int = 2) -> bytes:
    return struct.pack("<I", version) + b"".join(struct.pack("<HHI", *each) for each in entries)


def with_ids_that_count(value: bytes) -> list[tuple[int, int, int]]:
    entries = struct.iter_unpack("<HHI", value[4:])
    return [(tag, perm, who if tag in (2, 8) else 0) for tag, perm, who in entries]


@st.composite
def nearly_sound(draw: st.DrawFn) -> bytes:
    """Entries in the kernel's order with one of them changed, lost or doubled, or none."""
    users = [(2, *each) for each in draw(st.lists(SOUND, max_size=2))]
    groups = [(8, *each) for each in draw(st.lists(SOUND, max_size=2))]
    mask = [(16, 7, 0xFFFFFFFF)] if draw(st.booleans()) else []
    nobody = 0xFFFFFFFF
    entries = [(1, 6, nobody), *users, (4, 4, nobody), *groups, *mask, (32, 0, nobody)]
    at = draw(st.integers(0, len(entries) - 1))
    change = draw(st.sampled_from(["none", "none", "lose", "double", "replace", "swap"]))
    if change == "lose":
        del entries[at]
    elif change == "double":
        entries.insert(at, entries[at])
    elif change == "replace":
        entries[at] = draw(ENTRY)
    elif change == "swap":
        entries[0], entries[at] = entries[at], entries[0]
    return packed(entries)


VALUES = st.one_of(
    nearly_sound(),
    st.lists(ENTRY, max_size=5).map(packed),
    st.sampled_from([1, 3]).map(lambda version: packed([], version)),
    st.binary(min_size=1, max_size=30),
)


@pytest.fixture(scope="module")
def below(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("acls")
    (top / "f").touch()
    (top / "d").mkdir()
    try:
        os.setxattr(top / "f", ACCESS, packed([]))
    except OSError as error:
        refuse(f"no ACLs in {top}: {error}")
    return top


def kernel_takes(path: Path, name: str, value: bytes) -> bool:
    try:
        os.setxattr(path, name, value)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP, errno.EACCES):
            raise
        return False
    return True


@given(value=VALUES, name=st.sampled_from([ACCESS, DEFAULT]), on_directory=st.booleans())
@settings(max_examples=600, deadline=None)
def test_as_setxattr_takes_them(
    below: Path,
    value: bytes,
    name: str,
    on_directory: bool,  # noqa: FBT001  (drawn)
) -> None:
    path = below / ("d" if on_directory else "f")
    made = layer(
        pax((b"SCHILY.xattr." + name.encode(), value)),
        directory(b"it", 0o751) if on_directory else file(b"it", mode=0o640),
    )
    for attribute in os.listxattr(path):
        os.removexattr(path, attribute)
    path.chmod(0o755 if on_directory else 0o644)
    if not kernel_takes(path, name, value):
        with pytest.raises(LayerError, match="it: "):
            flatten([made])
        return
    path.chmod(0o751 if on_directory else 0o640)  # as Docker, containerd and podman do at the end
    meta = flatten([made]).root.children[b"it"].meta
    kept = {key.encode(): os.getxattr(path, key) for key in os.listxattr(path)}
    # what the kernel gives out has no ids where none mean anything
    found = {key: with_ids_that_count(value) for key, value in meta.xattrs}
    assert found == {key: with_ids_that_count(value) for key, value in kept.items()}
    assert meta.mode == path.stat().st_mode & 0o7777
