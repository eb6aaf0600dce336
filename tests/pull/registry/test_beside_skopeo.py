"""How many requests a pull makes, compared with skopeo for the same image and registry."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pull import pull
from tests.oracle_tools import need
from tests.pull.registry.images import make_image, make_tar, write_layout
from tests.registry_server import push, running_registry


@pytest.mark.oracle
def test_no_more_requests_than_skopeo(tmp_path: Path) -> None:
    need("skopeo")
    layers = [make_tar({f"file{number}": b"x" * 1000}) for number in range(4)]
    layout = tmp_path / "layout"
    write_layout(layout, {"v1": make_image(layers)})
    with running_registry(tmp_path) as registry:
        push(registry, f"oci:{layout}:v1", "app:v1")
        before = len(registry.requests())
        address = f"{registry.address}/app:v1"
        with pull(address, cache_dir=tmp_path / "cache", platform="linux/amd64") as image:
            image.fetch()
        ours = len(registry.requests()) - before
        command = ["skopeo", "copy", "--quiet", "--insecure-policy", "--src-tls-verify=false"]
        subprocess.run([*command, f"docker://{address}", f"oci:{tmp_path / 'copy'}:v1"], check=True)
        skopeos = len(registry.requests()) - before - ours
    print(f"{ours} requests, skopeo {skopeos}")  # noqa: T201
    assert 0 < ours <= skopeos
