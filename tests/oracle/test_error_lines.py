"""What goes wrong is one line on stderr, a fitting exit status, and nothing left behind."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from examples.make_layout import make_layout
from tests.ordinary_user import OrdinaryUser
from tests.registry_server import Registry

pytestmark = pytest.mark.oracle


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """How a run ended, beside the directory that it was to write into."""

    status: int
    stdout: str
    stderr: str
    left: list[str]


@pytest.fixture
def folder(user: OrdinaryUser, request: pytest.FixtureRequest) -> Iterator[Path]:
    place = user.home / f"errors-{request.node.name.replace('/', '-')[:60]}"
    place.mkdir(mode=0o777)
    place.chmod(0o777)
    yield place
    shutil.rmtree(place)


def fail(user: OrdinaryUser, reference: str, folder: Path, *options: str) -> Failure:
    done = user.pull(reference, folder / "OUT.ext4", "--quiet", *options)  # no progress lines
    left = sorted(path.name for path in folder.iterdir() if path.name != "layout")
    return Failure(status=done.returncode, stdout=done.stdout, stderr=done.stderr, left=left)


def says(failure: Failure, *words: str, status: int = 1) -> None:
    assert failure.status == status, failure.stderr
    lines = failure.stderr.strip().splitlines()
    assert len(lines) == 1, failure.stderr
    assert [word for word in words if word not in lines[0]] == []
    assert failure.stdout == ""
    assert failure.left == []


def test_no_such_image(user: OrdinaryUser, registry: Registry, folder: Path) -> None:
    failure = fail(user, f"{registry.address}/no/such", folder)
    says(failure, f"{registry.address}/no/such")


def test_no_such_tag(user: OrdinaryUser, registry: Registry, folder: Path) -> None:
    failure = fail(user, f"{registry.address}/example:missing", folder)
    says(failure, f"{registry.address}/example:missing")


def test_bad_reference(user: OrdinaryUser, folder: Path) -> None:
    says(fail(user, "Not/A/Reference", folder), "Not/A/Reference")


def test_unreachable_registry(user: OrdinaryUser, folder: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))  # bound and not listening: every connection is refused
        address = f"127.0.0.1:{probe.getsockname()[1]}"
        says(fail(user, f"{address}/some/image", folder), address, status=75)


def test_another_platform_only(user: OrdinaryUser, registry: Registry, folder: Path) -> None:
    failure = fail(user, f"{registry.address}/example:full", folder, "--platform", "linux/s390x")
    says(failure, "linux/s390x", "linux/amd64")


def test_layer_that_is_no_tar(user: OrdinaryUser, folder: Path) -> None:
    layout = folder / "layout"
    make_layout(layout)
    digest = replace_first_layer(layout, b"this is not a tar archive\n" * 100)
    for path in [layout, *layout.rglob("*")]:
        path.chmod(0o755)
    says(fail(user, f"oci:{layout}:demo", folder, "--platform", "linux/amd64"), digest)


def test_usage_errors_exit_2(user: OrdinaryUser) -> None:
    assert user.pull("--no-such-option").returncode == 2
    assert user.pull().returncode == 2


def replace_first_layer(layout: Path, data: bytes) -> str:
    """Put `data` where the first layer was, all digests right; the digest that it has."""

    def store(content: bytes) -> tuple[str, int]:
        name = hashlib.sha256(content).hexdigest()
        (layout / "blobs/sha256" / name).write_bytes(content)
        return f"sha256:{name}", len(content)

    def load(digest: str) -> bytes:
        return (layout / "blobs" / digest.replace(":", "/")).read_bytes()

    index = json.loads((layout / "index.json").read_bytes())
    manifest = json.loads(load(index["manifests"][0]["digest"]))
    config = json.loads(load(manifest["config"]["digest"]))
    digest, size = store(data)
    manifest["layers"][0].update(digest=digest, size=size)
    config["rootfs"]["diff_ids"][0] = digest
    new_digest, new_size = store(json.dumps(config).encode())
    manifest["config"].update(digest=new_digest, size=new_size)
    new_digest, new_size = store(json.dumps(manifest).encode())
    index["manifests"][0].update(digest=new_digest, size=new_size)
    (layout / "index.json").write_text(json.dumps(index))
    return digest
