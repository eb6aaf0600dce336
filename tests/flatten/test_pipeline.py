from __future__ import annotations

import gzip
import threading

import pytest

from flatten import DiffIdError, flatten
from tests.flatten.tars import MemoryLayer, file, tar


def test_wrong_diff_id_is_refused_and_threads_end() -> None:
    before = threading.active_count()
    bad = MemoryLayer(blob=gzip.compress(tar([file(b"a", b"1")])), diff_id="sha256:" + "0" * 64)
    with pytest.raises(DiffIdError) as caught:
        flatten([bad])
    assert caught.value.digest == bad.digest
    assert threading.active_count() == before
    assert all(stream.closed for stream in bad.opened)


def test_no_layers() -> None:
    assert not flatten([]).root.children
