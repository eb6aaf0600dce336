"""What a good registry never does, one row each: outcome, message, and a cache that is unharmed."""

from __future__ import annotations

import copy
import email.utils
import random
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pull.errors import (
    AccessDeniedError,
    DigestMismatchError,
    ManifestError,
    NotFoundError,
    PullError,
    RegistryError,
    SizeMismatchError,
    TransportError,
)
from tests.pull.registry.fake_registry import FakeRegistry, Quirk
from tests.pull.registry.images import DOCKER, OCI, make_image
from tests.pull.registry.pulling import HASTY, IMPATIENT, assert_sound, contents, fetch

# incompressible, so that offsets in the blob are where they are meant to be
IMAGE = make_image([random.Random(1).randbytes(500_000), b"small" * 100])
LAYER = IMAGE.layers[0]
BIG = "GET .*/blobs/" + next(digest for digest, blob in IMAGE.blobs.items() if blob == LAYER)
MANIFEST = "GET .*/manifests/"
TOO_LARGE = b'{"schemaVersion": 2, "x": "' + b"x" * (4 << 20) + b'"}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    quirks: tuple[Quirk, ...]
    error: type[PullError] | None = None  # None: the pull succeeds all the same
    says: str = ""
    asked: dict[str, int] = field(default_factory=dict)  # pattern: how many requests
    seconds: float = 30.0  # the longest that it may take


ROWS = {
    # bytes that are not what they should be
    "wrong bytes": Row(quirks=(Quirk(BIG, flip=1000),), error=DigestMismatchError, asked={BIG: 1}),
    "wrong last byte": Row(quirks=(Quirk(BIG, flip=len(LAYER) - 1),), error=DigestMismatchError),
    "empty body": Row(quirks=(Quirk(BIG, body=b""),), error=SizeMismatchError, asked={BIG: 1}),
    "empty body without length": Row(
        quirks=(Quirk(BIG, body=b"", ends=True),), error=TransportError, says="ended after 0 bytes"
    ),
    "short body, honest length": Row(
        quirks=(Quirk(BIG, body=LAYER[:-1]),), error=SizeMismatchError, says=f"{len(LAYER) - 1}"
    ),
    "long body, honest length": Row(
        quirks=(Quirk(BIG, body=LAYER + b"x"),), error=SizeMismatchError
    ),
    "long body without length": Row(
        quirks=(Quirk(BIG, body=LAYER + b"x", ends=True),), error=SizeMismatchError
    ),
    "endless body": Row(
        quirks=(Quirk(BIG, body=LAYER, endless=True),), error=SizeMismatchError, says="more than"
    ),
    "config of wrong bytes": Row(
        quirks=(Quirk("GET .*/blobs/.*", times=1, body=b"x" * len(IMAGE.config)),),
        error=DigestMismatchError,
    ),
    # transfers that break
    "reset at the first byte, once": Row(
        quirks=(Quirk(BIG, times=1, cut_after=0),), asked={BIG: 2}
    ),
    "reset in the middle, three times": Row(
        quirks=(Quirk(BIG, times=3, cut_after=150_000),), asked={BIG: 4}
    ),
    "closed in the middle, many times": Row(
        quirks=(Quirk(BIG, times=40, close_after=10_000),), asked={BIG: 41}
    ),
    "closed early without a length": Row(
        quirks=(Quirk(BIG, times=2, ends=True, close_after=99_999),), asked={BIG: 3}
    ),
    "always reset at the first byte": Row(quirks=(Quirk(BIG, cut_after=0),), error=TransportError),
    "stalled, once": Row(quirks=(Quirk(BIG, times=1, stall_seconds=0.8),), asked={BIG: 2}),
    "stalled, always": Row(
        quirks=(Quirk(MANIFEST, stall_seconds=0.8),), error=TransportError, says="timed out"
    ),
    # ranges
    "range ignored": Row(
        quirks=(Quirk(BIG, times=1, close_after=200_000), Quirk(BIG, ignore_range=True)),
        asked={BIG: 2},
    ),
    "another range than was asked for": Row(
        quirks=(
            Quirk(BIG, times=1, close_after=200_000),
            Quirk(BIG, headers={"Content-Range": f"bytes 0-{len(LAYER) - 1}/{len(LAYER)}"}),
        ),
        error=TransportError,
        says="Content-Range",
    ),
    "a range of a longer blob": Row(
        quirks=(
            Quirk(BIG, times=1, close_after=200_000),
            Quirk(
                BIG, headers={"Content-Range": f"bytes 200000-{len(LAYER) - 1}/{len(LAYER) + 9}"}
            ),
        ),
        error=SizeMismatchError,
    ),
    "a range without saying which": Row(
        quirks=(Quirk(BIG, times=1, close_after=200_000), Quirk(BIG, drop=("Content-Range",))),
        error=TransportError,
        says="Content-Range",
    ),
    "range not satisfiable, once": Row(
        quirks=(
            Quirk(BIG, times=1, close_after=200_000),
            Quirk(BIG, times=1, status=416, body=b""),
        ),
        asked={BIG: 3},
    ),
    # statuses
    "429 with seconds": Row(
        quirks=(Quirk(MANIFEST, times=1, status=429, headers={"Retry-After": "1"}),),
        asked={MANIFEST: 2},
    ),
    "503 with a date": Row(
        quirks=(
            Quirk(
                BIG,
                times=1,
                status=503,
                headers={"Retry-After": email.utils.formatdate(time.time(), usegmt=True)},
            ),
        ),
        asked={BIG: 2},
    ),
    "429 with an hour": Row(
        quirks=(Quirk(MANIFEST, status=429, headers={"Retry-After": "3600"}),),
        error=RegistryError,
        says="429",
        asked={MANIFEST: 1},
    ),
    "503 storm": Row(
        quirks=(Quirk(BIG, status=503),), error=RegistryError, says="503", asked={BIG: 4}
    ),
    "503 three times": Row(quirks=(Quirk(BIG, times=3, status=503),), asked={BIG: 4}),
    "500 once for each": Row(quirks=(Quirk("GET", times=3, status=500),)),
    "404 for a blob": Row(
        quirks=(Quirk(BIG, status=404),), error=NotFoundError, says="404", asked={BIG: 1}
    ),
    "403": Row(quirks=(Quirk(MANIFEST, status=403),), error=AccessDeniedError, asked={MANIFEST: 1}),
    "401 without a challenge": Row(
        quirks=(Quirk(MANIFEST, status=401),), error=AccessDeniedError, says="--username"
    ),
    "error with control characters": Row(
        quirks=(
            Quirk(
                MANIFEST,
                status=400,
                body=b'{"errors":[{"code":"X","message":"a\\n\\u001b[31mb"}]}',
            ),
        ),
        error=RegistryError,
        says="X: a  [31mb",
    ),
    "error with an endless message": Row(
        quirks=(Quirk(MANIFEST, status=400, body=b"x" * 100_000),), error=RegistryError, says="400"
    ),
    # redirects
    "endless redirects": Row(
        quirks=(Quirk(BIG, status=307, headers={"Location": "?again"}),),
        error=TransportError,
        says="redirects",
    ),
    "redirect to a file": Row(
        quirks=(Quirk(BIG, status=307, headers={"Location": "file:///etc/passwd"}),),
        error=TransportError,
        says="unsupported scheme: file",
    ),
    # documents
    "huge manifest": Row(quirks=(Quirk(MANIFEST, body=TOO_LARGE),), error=SizeMismatchError),
    "endless manifest": Row(
        quirks=(Quirk(MANIFEST, body=b" " * 65536, endless=True),), error=SizeMismatchError
    ),
    "manifest cut once": Row(quirks=(Quirk(MANIFEST, times=1, close_after=100),)),
    "manifest that is HTML": Row(
        quirks=(Quirk(MANIFEST, body=b"<html>", drop=("Docker-Content-Digest",)),),
        error=ManifestError,
        says="not JSON",
    ),
    "manifest under another's digest": Row(
        quirks=(Quirk(MANIFEST, headers={"Docker-Content-Digest": "sha256:" + "0" * 64}),),
        error=DigestMismatchError,
    ),
    "manifest under what is not a digest": Row(
        quirks=(Quirk(MANIFEST, headers={"Docker-Content-Digest": "sha256:zero"}),),
        error=ManifestError,
        says="Docker-Content-Digest",
    ),
    "media type of an index": Row(
        quirks=(Quirk(MANIFEST, headers={"Content-Type": OCI.index}),), error=ManifestError
    ),
    "media type of Docker": Row(
        quirks=(Quirk(MANIFEST, headers={"Content-Type": DOCKER.manifest}),), error=ManifestError
    ),
    "media type of nothing in particular": Row(
        quirks=(Quirk(MANIFEST, headers={"Content-Type": "text/plain; charset=utf-8"}),)
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_hostile_registry(name: str, tmp_path: Path) -> None:
    row = ROWS[name]
    with FakeRegistry(*copy.deepcopy(row.quirks)) as registry:
        reference = registry.add("some/image", "v1", IMAGE)
        transport = HASTY if any(quirk.stall_seconds for quirk in row.quirks) else IMPATIENT
        begin = time.monotonic()
        if row.error is None:
            assert fetch(reference, tmp_path, transport=transport) == list(IMAGE.layers)
        else:
            with pytest.raises(row.error) as caught:
                fetch(reference, tmp_path, transport=transport)
            assert row.says in str(caught.value)
            assert "\n" not in str(caught.value)
            assert registry.address in str(caught.value)
        assert time.monotonic() - begin < row.seconds
        assert {pattern: registry.count(pattern) for pattern in row.asked} == row.asked
        assert_sound(tmp_path)
        registry.quirks.clear()
        # whatever happened, it is no hindrance once the registry behaves
        assert fetch(reference, tmp_path) == list(IMAGE.layers)
        assert contents(tmp_path).items() >= IMAGE.blobs.items()


def test_retry_after_is_waited_for(tmp_path: Path) -> None:
    quirk = Quirk(MANIFEST, times=1, status=429, headers={"Retry-After": "1"})
    with FakeRegistry(quirk) as registry:
        reference = registry.add("some/image", "v1", IMAGE)
        begin = time.monotonic()
        fetch(reference, tmp_path)
        assert time.monotonic() - begin >= 1.0


def test_what_was_there_is_not_sent_again(tmp_path: Path) -> None:
    with FakeRegistry(Quirk(BIG, times=10, close_after=40_000)) as registry:
        fetch(registry.add("some/image", "v1", IMAGE), tmp_path)
        assert registry.sent_of_blobs() == sum(len(blob) for blob in IMAGE.blobs.values())


def test_unreachable_registry_is_given_up_soon(tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        address = registry.address
    begin = time.monotonic()
    with pytest.raises(TransportError, match="connection refused") as caught:
        fetch(f"{address}/some/image", tmp_path)
    assert address in str(caught.value)
    assert time.monotonic() - begin < 5
    assert IMPATIENT.plain_http
