"""The layout in the repository matches its script, and has one of everything."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import pytest

from examples.make_layout import make_layout

COMMITTED = Path(__file__).parent.parent / "examples/layout"


def files(layout: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(layout)): path.read_bytes()
        for path in layout.rglob("*")
        if path.is_file()
    }


@pytest.mark.skipif("ng" in zlib.ZLIB_RUNTIME_VERSION, reason="zlib-ng compresses differently")
def test_script_makes_the_committed_bytes(tmp_path: Path) -> None:
    make_layout(tmp_path)
    assert files(tmp_path) == files(COMMITTED)


def test_script_makes_the_committed_layers(tmp_path: Path) -> None:
    make_layout(tmp_path)
    assert diff_ids(tmp_path) == diff_ids(COMMITTED)


def diff_ids(layout: Path) -> list[str]:
    def blob(digest: str) -> dict[str, dict[str, str]]:
        found = json.loads((layout / "blobs" / digest.replace(":", "/")).read_bytes())
        assert isinstance(found, dict)
        return found

    index = json.loads((layout / "index.json").read_bytes())
    manifest = blob(index["manifests"][0]["digest"])
    return list(blob(manifest["config"]["digest"])["rootfs"]["diff_ids"])
