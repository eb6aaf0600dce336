"""pyext4-cache shows, verifies and prunes states of layers beside blobs."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from pull.cache.__main__ import main
from pull.cache.states import states
from pull.command.main import main as pull_main
from tests.pull.registry.fake_registry import FakeRegistry
from tests.pull.registry.images import make_image, make_tar

IMAGE = make_image([make_tar({"a": b"1" * 50_000}), make_tar({"b": b"2" * 100})])
PLATFORM = ("--platform", "linux/amd64")


class Kept:
    def __init__(self, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.cache = place / "cache"
        self._capsys = capsys
        with FakeRegistry() as registry:
            self.reference = registry.add("app", "v1", IMAGE)
            fixed = ("--cache-dir", str(self.cache), *PLATFORM, "--quiet", "--keep")
            assert pull_main([self.reference, str(place / "out"), *fixed]) == 0

    def __call__(self, *words: str) -> tuple[int, str]:
        status = main(["--cache-dir", str(self.cache), *words])
        return status, self._capsys.readouterr().out

    def states(self) -> list[Path]:
        return sorted((self.cache / "checkpoints").glob("*.state"))


@pytest.fixture
def kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Kept:
    return Kept(tmp_path, capsys)


def test_list(kept: Kept) -> None:
    _, text = kept("list")
    assert text.count("state of sha256:") == len(kept.states()) == 1
    assert f"{kept.reference}\n" in text.partition("state of ")[2]
    assert "1 states of layers" in text
    _, text = kept("list", "--json")
    found = [each for each in json.loads(text) if each["kind"] == "state"]
    assert [each["references"] for each in found] == [[kept.reference]]
    assert found[0]["size_bytes"] > 50_000
    assert found[0]["shared_bytes"] <= found[0]["size_bytes"]


@pytest.mark.parametrize("part", ["state", "data"])
def test_verify(part: str, kept: Kept) -> None:
    status, text = kept("verify")
    assert (status, "and 1 states of layers verified" in text) == (0, True)
    path = kept.states()[0].with_suffix(f".{part}")
    with path.open("r+b") as file:
        file.seek(-20_000 if part == "data" else -100, os.SEEK_END)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 4]))
    status, text = kept("verify")
    assert status == 1
    assert "damaged, dropped: state of sha256:" in text
    assert kept.states() == []
    assert kept("verify")[0] == 0


@pytest.mark.parametrize(
    ("words", "left"),
    [
        (("--max-size", "1G"), 1),
        (("--max-size", "60K"), 0),
        (("--older-than", "1h"), 1),
        (("--older-than", "0s"), 0),
        (("--unreferenced",), 1),
        (("--max-size", "0", "--dry-run"), 1),
    ],
)
def test_prune(words: tuple[str, ...], left: int, kept: Kept) -> None:
    for path in kept.states():
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 10))
    status, _ = kept("prune", *words)
    assert (status, len(kept.states())) == (0, left)
    assert len(list((kept.cache / "checkpoints").glob("*.data"))) == left


def test_unreferenced_states_go(kept: Kept) -> None:
    for path in (kept.cache / "references").rglob("*"):
        if path.is_file():
            path.unlink()
    kept("prune", "--unreferenced")
    assert kept.states() == []


def test_data_without_a_state_goes(kept: Kept) -> None:
    """A crash leaves it, between the two renames."""
    kept.states()[0].unlink()
    kept("prune", "--unreferenced")
    assert list((kept.cache / "checkpoints").glob("*.data")) == []
    assert list((kept.cache / "partial").iterdir()) == []


def test_what_is_no_config_has_no_layers(kept: Kept) -> None:
    from pull.cache import Cache  # noqa: PLC0415
    from pull.spec.digest import Digest  # noqa: PLC0415

    cache = Cache(kept.cache)
    strange = []
    for text in (b"{", b"[]", b'{"rootfs": []}', b'{"rootfs": {"diff_ids": 3}}', b"{}", b"x"):
        digest = Digest.of(text)
        cache.store(digest, text)
        strange.append(digest)
    assert states(cache, {digest: {"name"} for digest in strange})[0].references == ()
