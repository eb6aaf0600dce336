"""`python -m pull.cache`: what it lists, verifies and removes."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from pull.cache import Cache
from pull.cache.__main__ import main
from pull.cache.maintenance import blobs, leftovers, prune
from pull.spec.digest import Digest
from tests.pull.registry.fake_registry import FakeRegistry
from tests.pull.registry.images import OCI, descriptor, make_image, make_index
from tests.pull.registry.pulling import contents, fetch

SHARED = b"shared" * 1000
OLD = make_image([SHARED, b"old" * 500], compress="plain")
NEW = make_image([SHARED, b"new" * 700], compress="plain")
DAY = 86400


def fill(directory: Path) -> str:
    """Pull a tag, then what the tag means later; return the registry's address."""
    with FakeRegistry() as registry:
        fetch(registry.add("app", "v1", OLD), directory)
        fetch(registry.add("app", "v1", NEW), directory)
        return registry.address


def age(directory: Path, digest: Digest | str, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(Cache(directory).path(Digest.parse(str(digest))), (then, then))


def run(directory: Path, *arguments: str) -> int:
    return main(["--cache-dir", str(directory), *arguments])


def test_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    address = fill(tmp_path)
    assert run(tmp_path, "list") == 0
    said = capsys.readouterr().out
    assert f"{Digest.of(SHARED)}    5.86 KiB" in said
    assert f"{address}/app:v1" in said
    total = sum(map(len, contents(tmp_path).values()))
    assert "7 blobs, " in said
    assert total == sum(blob.size for blob in blobs(Cache(tmp_path)))


def test_list_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    address = fill(tmp_path)
    assert run(tmp_path, "list", "--json") == 0
    facts = {item["digest"]: item for item in json.loads(capsys.readouterr().out)}
    assert facts.keys() == contents(tmp_path).keys()
    assert facts[NEW.digest]["references"] == [f"{address}/app:v1"]
    assert facts[OLD.digest]["references"] == []
    assert facts[str(Digest.of(SHARED))]["size_bytes"] == len(SHARED)


def test_empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "none").mkdir()
    assert run(tmp_path / "none", "list") == 0
    assert run(tmp_path / "none", "verify") == 0
    assert run(tmp_path / "none", "prune", "--unreferenced") == 0
    assert "0 blobs" in capsys.readouterr().out


def test_verify(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(tmp_path)
    assert run(tmp_path, "verify") == 0
    assert "7 blobs verified" in capsys.readouterr().out
    path = Cache(tmp_path).path(Digest.of(SHARED))
    path.write_bytes(SHARED[:-1] + b"x")
    assert run(tmp_path, "verify") == 1
    said = capsys.readouterr().out
    assert f"damaged, dropped: {Digest.of(SHARED)}" in said
    assert "damaged: 1" in said
    assert not path.exists()
    assert run(tmp_path, "verify") == 0


def test_prune_what_nothing_needs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(tmp_path)
    assert run(tmp_path, "prune", "--unreferenced", "--dry-run") == 0
    assert "3 blobs would be removed" in capsys.readouterr().out
    assert len(contents(tmp_path)) == 7
    assert run(tmp_path, "prune", "--unreferenced") == 0
    assert "3 blobs removed" in capsys.readouterr().out
    assert contents(tmp_path) == NEW.blobs | {NEW.digest: NEW.manifest}


def test_what_was_pulled_by_digest_is_needed(tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        registry.add("app", "v1", OLD)
        fetch(f"{registry.address}/app@{OLD.digest}", tmp_path)
    assert prune(Cache(tmp_path), unreferenced=True) == ([], [])


def test_what_an_index_leads_to_is_needed(tmp_path: Path) -> None:
    entry = descriptor(NEW.manifest, OCI.manifest) | {
        "platform": {"os": "linux", "architecture": "amd64"}
    }
    with FakeRegistry() as registry:
        registry.add("app", "part", NEW)
        registry.add_manifest("app", "v1", make_index([entry]), OCI.index)
        fetch(f"{registry.address}/app:v1", tmp_path)
    assert prune(Cache(tmp_path), unreferenced=True) == ([], [])


def test_prune_by_age(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(tmp_path)
    age(tmp_path, OLD.digest, 31 * DAY)
    age(tmp_path, NEW.digest, 29 * DAY)
    assert run(tmp_path, "prune", "--older-than", "30d") == 0
    assert "1 blobs removed" in capsys.readouterr().out
    assert OLD.digest not in contents(tmp_path)
    assert NEW.digest in contents(tmp_path)


def test_use_makes_young(tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", NEW)
        fetch(reference, tmp_path)
        for digest in contents(tmp_path):
            age(tmp_path, digest, 31 * DAY)
        fetch(reference, tmp_path)
    gone, _ = prune(Cache(tmp_path), older_than_seconds=30 * DAY)
    assert gone == []


def test_prune_by_size_takes_what_was_used_longest_ago(tmp_path: Path) -> None:
    fill(tmp_path)
    for number, blob in enumerate((OLD.layers[1], SHARED, NEW.layers[1])):
        age(tmp_path, Digest.of(blob), DAY - number)
    room = sum(map(len, contents(tmp_path).values())) - len(OLD.layers[1])
    gone, _ = prune(Cache(tmp_path), max_bytes=room)
    assert [blob.digest for blob in gone] == [Digest.of(OLD.layers[1])]
    gone, _ = prune(Cache(tmp_path), max_bytes=0)
    assert len(gone) == 6
    assert contents(tmp_path) == {}


def test_pruned_image_is_pulled_again(tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", NEW)
        fetch(reference, tmp_path)
        prune(Cache(tmp_path), max_bytes=0)
        assert list(tmp_path.rglob("_tags/*")) == []
        assert fetch(reference, tmp_path) == list(NEW.layers)


def test_leftovers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cache = Cache(tmp_path)
    young, old, busy = (Digest.of(name) for name in (b"young", b"old", b"busy"))
    for digest in (young, old):
        with cache.claim(digest, lambda: False) as partial:
            assert partial is not None
            partial.write(b"x" * 3000, 0)
    with cache.claim(busy, lambda: False) as partial:
        assert partial is not None
        for digest in (old, busy):
            path = tmp_path / "partial" / f"sha256-{digest.hex}"
            os.utime(path, (time.time() - 2 * DAY, time.time() - 2 * DAY))
        assert run(tmp_path, "list") == 0
        assert "3 unfinished downloads, 5.86 KiB" in capsys.readouterr().out
        assert run(tmp_path, "prune", "--unreferenced") == 0
        assert "and 1 unfinished downloads removed, 2.93 KiB" in capsys.readouterr().out
        left = {item.path.name for item in leftovers(cache)}
        assert left == {f"sha256-{young.hex}", f"sha256-{busy.hex}"}


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["prune"],
        ["prune", "--older-than", "soon"],
        ["prune", "--older-than", "1y"],
        ["prune", "--max-size", "x"],
        ["remove"],
    ],
    ids=" ".join,
)
def test_wrong_usage(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


def test_cache_that_can_not_be_trusted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tmp_path.chmod(0o777)
    assert run(tmp_path, "list") == 1
    assert capsys.readouterr().err.startswith("error: ")
