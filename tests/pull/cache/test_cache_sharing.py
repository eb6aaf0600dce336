"""Which users may use a cache directory, and which processes wait for each other in it."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from pull.cache import Cache
from pull.errors import CacheError, CancelledError
from pull.spec.digest import Digest
from tests.oracle_tools import need_root
from tests.pull.registry.fake_registry import FakeRegistry
from tests.pull.registry.images import make_image
from tests.pull.registry.pulling import fetch

IMAGE = make_image([bytes(1000)])
FIRST = Digest.of(IMAGE.layers[0])


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o772])
def test_cache_that_others_can_write_to_is_refused(mode: int, tmp_path: Path) -> None:
    directory = tmp_path / "cache"
    directory.mkdir()
    directory.chmod(mode)
    with pytest.raises(CacheError, match="writable by other users"):
        Cache(directory)


def test_cache_of_another_user_is_refused(tmp_path: Path) -> None:
    need_root()
    directory = tmp_path / "cache"
    directory.mkdir()
    os.chown(directory, 12345, 12345)
    with pytest.raises(CacheError, match="uid 12345"):
        Cache(directory)


def test_cache_is_private(tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        fetch(registry.add("a", "v1", IMAGE), tmp_path / "cache")
    for path in [tmp_path / "cache", *(tmp_path / "cache").rglob("*")]:
        assert not path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def test_cache_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "cache").write_bytes(b"")
    with pytest.raises(CacheError, match="not a directory"):
        Cache(tmp_path / "cache")


def test_one_who_waits_can_be_told_to_stop(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    with (
        cache.claim(FIRST, lambda: False),
        pytest.raises(CancelledError),
        cache.claim(FIRST, lambda: True),
    ):
        pass
    with cache.claim(FIRST, lambda: True) as partial:
        assert partial is not None


def test_one_who_waits_does_not_go_on_with_what_was_discarded(tmp_path: Path) -> None:
    # the file that it waited for has no name any more: bytes in it would be lost
    cache = Cache(tmp_path)
    waiting = threading.Event()
    paths: list[bool] = []

    def go_on() -> bool:
        waiting.set()
        return False

    def wait() -> None:
        with cache.claim(FIRST, go_on) as partial:
            assert partial is not None
            paths.append(partial.path.samefile(f"/proc/self/fd/{partial.fd}"))

    with cache.claim(FIRST, lambda: False) as partial:
        assert partial is not None
        thread = threading.Thread(target=wait)
        thread.start()
        assert waiting.wait(10)
        partial.discard()
    thread.join()
    assert paths == [True]
