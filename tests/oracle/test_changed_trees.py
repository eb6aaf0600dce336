"""Trees changed after their contents were stored: e2fsck is silent, the kernel reads the rest."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from flatten import flatten
from pyext4 import Directory, Ext4Writer, File, Metadata, Options
from tests.flatten import tars
from tests.oracle.judges import complaints
from tests.oracle.mounted import mounted

pytestmark = pytest.mark.oracle

OLD = b"old bytes that nobody may find " * 500


@pytest.mark.parametrize("features", [(), ("inline_data",)], ids=["default", "inline_data"])
@pytest.mark.parametrize("block_size", [1024, 4096])
def test_override_exclude_and_copy(
    block_size: int, features: tuple[str, ...], tmp_path: Path
) -> None:
    layers = [
        tars.layer(
            tars.directory(b"etc/"),
            tars.file(b"etc/passwd", OLD),
            tars.file(b"etc/shadow", OLD),
            tars.file(b"etc/hosts", b"short"),
            tars.file(b"etc/group", b"group" * 1000),
        )
    ]
    image = tmp_path / "image.ext4"
    options = Options(block_size_bytes=block_size, features=features)
    with Ext4Writer(image, options) as writer:
        tree = flatten(layers, into=writer.store)
        etc = tree.root.children[b"etc"]
        assert isinstance(etc, Directory)
        etc.children[b"passwd"] = File(Metadata(mode=0o644), 7, b"root::0")
        del etc.children[b"shadow"]
        for name in (b"hosts", b"group"):
            node = etc.children[name]
            assert isinstance(node, File)
            etc.children[name + b".copy"] = dataclasses.replace(node)
        # more of the same, stored later
        later = flatten([tars.layer(tars.file(b"opt/tool", b"tool" * 5000))], into=writer.store)
        tree.root.children[b"opt"] = later.root.children[b"opt"]
        writer.commit(tree)
    assert complaints(image) == []
    assert b"nobody may find" not in image.read_bytes()
    with mounted(image, tmp_path / "mounted") as root:
        names = sorted(path.name for path in (root / "etc").iterdir())
        assert names == ["group", "group.copy", "hosts", "hosts.copy", "passwd"]
        assert (root / "etc/passwd").read_bytes() == b"root::0"
        for copy in ("hosts", "hosts.copy"):
            assert (root / "etc" / copy).read_bytes() == b"short"
        for copy in ("group", "group.copy"):
            assert (root / "etc" / copy).read_bytes() == b"group" * 1000
        assert (root / "opt/tool").read_bytes() == b"tool" * 5000
