"""--verity, end to end: its output, and veritysetup's verdict on the image."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

import pull
from pull.command.main import main
from tests.pull.registry.fake_registry import FakeRegistry
from tests.pull.registry.images import make_image, make_tar

IMAGE = make_image([make_tar({"etc/one": b"1" * 50_000})])


@pytest.fixture(autouse=True)
def _no_logins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "DOCKER_CONFIG"):
        monkeypatch.setenv(name, str(tmp_path / "cache"))
    for name in ("REGISTRY_AUTH_FILE", "SOURCE_DATE_EPOCH"):
        monkeypatch.delenv(name, raising=False)


def command(reference: str, out: Path, *options: str) -> int:
    fixed = ("--platform", "linux/amd64", "--cache-dir", str(out.parent / "cache"))
    return main([reference, str(out), *fixed, "--profile", "readonly", *options])


@pytest.mark.oracle
def test_veritysetup_agrees(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.ext4"
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", IMAGE)
        assert command(reference, out, "--verity", "--verity-device", "/dev/vdb", "--json") == 0
    said = capsys.readouterr()
    facts = json.loads(said.out)["verity"]
    assert " /dev/vdb /dev/vdb " in facts["kernel_arguments"]
    assert facts["root_hash"] in facts["kernel_arguments"]
    for line in (
        f"verity:   {facts['root_hash']}\n",
        f"offset:   {facts['hash_offset']} ",
        f"kernel:   {facts['kernel_arguments']}\n",
    ):
        assert line in said.err
    verify = ["veritysetup", "verify", str(out), str(out), facts["root_hash"]]
    offset = f"--hash-offset={facts['hash_offset']}"
    subprocess.run([*verify, offset], check=True, capture_output=True)
    dump = ["veritysetup", "dump", str(out), offset]
    told = subprocess.run(dump, check=True, capture_output=True, text=True).stdout
    assert IMAGE.digest.removeprefix("sha256:") in told.replace("\n", "").replace("\t", "")
    subprocess.run(["e2fsck", "-fn", str(out)], check=True, capture_output=True)


def test_the_library_says_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, other = tmp_path / "out.ext4", tmp_path / "other.ext4"
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", IMAGE)
        assert command(reference, out, "--verity", "--json", "--quiet") == 0
        made = pull.convert(
            reference,
            other,
            platform="linux/amd64",
            cache_dir=tmp_path / "cache",
            filesystem=pull.FilesystemOptions(profile="readonly"),
            verity=pull.VerityRequest(),
        )
    facts = json.loads(capsys.readouterr().out)["verity"]
    assert made.written is not None
    assert made.written.verity is not None
    assert made.written.verity.root_hash.hex() == facts["root_hash"]
    assert made.kernel_arguments == facts["kernel_arguments"]
    assert out.read_bytes() == other.read_bytes()


def test_without_it_nothing_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with FakeRegistry() as registry:
        assert command(registry.add("app", "v1", IMAGE), tmp_path / "out.ext4", "--json") == 0
    said = capsys.readouterr()
    assert "verity" not in json.loads(said.out)
    assert "verity" not in said.err


def test_another_root_hash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.ext4"
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", IMAGE)
        assert command(reference, out, "--verity-root", "00" * 32, "--quiet") == 1
    assert f"{out}: the root hash must be {'00' * 32}, but it is: " in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]


def test_what_was_added_changes_the_salt(tmp_path: Path) -> None:
    salts = []
    for name in (None, b"guest"):
        with FakeRegistry() as registry:
            made = pull.convert(
                registry.add("app", "v1", IMAGE),
                tmp_path / "out.ext4",
                platform="linux/amd64",
                cache_dir=tmp_path / "cache",
                filesystem=pull.FilesystemOptions(profile="readonly"),
                verity=pull.VerityRequest(),
                boot=pull.BootOptions(hostname=name),
            )
        assert made.written is not None
        assert made.written.verity is not None
        salts.append(made.written.verity.salt.hex())
    assert salts[0] == IMAGE.digest.removeprefix("sha256:")
    assert salts[1] != salts[0]


def test_a_device_name_is_checked_before_the_work(tmp_path: Path) -> None:
    made = pull.VerityRequest(device="/dev/v da")
    with pytest.raises(pull.PackageError, match="verity device: must have no spaces"):
        pull.convert("nowhere.invalid/x", tmp_path / "out.ext4", verity=made)
