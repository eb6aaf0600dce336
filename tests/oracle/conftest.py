"""The images that the oracle tests judge: pulled once per session, by an ordinary user."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from tests.oracle.jobs import SOURCES, Job
from tests.oracle.snapshot import Facts, snapshot
from tests.oracle_tools import need, need_file, need_root
from tests.ordinary_user import OrdinaryUser
from tests.registry_server import Registry, push, running_registry


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry that has what `SOURCES` names."""
    with running_registry(tmp_path_factory.mktemp("registry")) as server:
        for name, (layout, tag) in SOURCES.items():
            if layout.exists():
                push(server, f"oci:{layout}:{tag}", f"{name}:full")
        yield server


@pytest.fixture(scope="session", params=list(SOURCES))
def job(request: pytest.FixtureRequest, user: OrdinaryUser, registry: Registry) -> Job:
    """Run the main job on one of the images, from the registry."""
    name = str(request.param)
    need_file(SOURCES[name][0], "python -m benchmarks.make_images --layers two")
    reference = f"{registry.address}/{name}:full"
    image = user.home / f"{name}.ext4"
    done = user.pull(reference, image, "--platform", "linux/amd64")
    assert done.returncode == 0, done.stderr
    return Job(name=name, reference=reference, image=image)


@pytest.fixture(scope="session")
def unpacked(job: Job, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Facts]:
    """What `umoci unpack`, run by root, makes of the same image."""
    need("umoci")
    need_root()
    layout, tag = SOURCES[job.name]
    bundle = tmp_path_factory.mktemp("umoci") / "bundle"
    command = ["umoci", "unpack", "--image", f"{layout}:{tag}", str(bundle)]
    subprocess.run(command, check=True, capture_output=True)
    return snapshot(bundle / "rootfs")
