"""Which directory the cache is: an option, $PYEXT4_CACHE, or the user's; a typo makes none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pull import pull
from pull.cache import default_cache_dir
from pull.cache.__main__ import main as cache_main
from pull.command.main import main as pull_main
from tests.pull.registry.fake_registry import FakeRegistry
from tests.pull.registry.images import make_image, make_tar
from tests.pull.registry.pulling import IMPATIENT, contents, fetch

IMAGE = make_image([make_tar({"a": b"1" * 5000})])
COMMANDS = (["list"], ["list", "--json"], ["verify"], ["prune", "--unreferenced"])


@pytest.fixture(autouse=True)
def _nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "DOCKER_CONFIG"):
        monkeypatch.setenv(name, str(tmp_path / "user"))
    monkeypatch.delenv("PYEXT4_CACHE", raising=False)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_typo_makes_nothing(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    typo = tmp_path / "below" / "typo"
    assert cache_main(["--cache-dir", str(typo), *command]) == 1
    said = capsys.readouterr()
    assert said.err == f"error: {typo}: is not there\n"
    if "--json" in command:
        error = json.loads(said.out)["error"]
        assert (error["kind"], error["path"], error["status"]) == ("cache", str(typo), 1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_so_does_one_in_the_environment(
    command: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PYEXT4_CACHE", str(tmp_path / "typo"))
    assert cache_main(command) == 1
    assert capsys.readouterr().err == f"error: {tmp_path / 'typo'}: is not there\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_whoever_never_pulled_has_an_empty_cache(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cache_main(command) == 0
    assert capsys.readouterr().err == ""
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_directory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert cache_main(["--cache-dir", str(tmp_path / "file"), "list"]) == 1
    assert "is not a directory" in capsys.readouterr().err


@pytest.mark.parametrize("how", ["option", "environment"])
def test_offline_makes_nothing(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typo = str(tmp_path / "typo")
    options = ["--cache-dir", typo] if how == "option" else []
    if how == "environment":
        monkeypatch.setenv("PYEXT4_CACHE", typo)
    assert pull_main(["debian:12", str(tmp_path / "o"), "--offline", *options]) == 1
    assert capsys.readouterr().err == f"error: debian:12: {typo}: is not there\n"
    assert list(tmp_path.iterdir()) == []


def test_offline_without_a_name_for_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert pull_main(["debian:12", str(tmp_path / "o"), "--offline"]) == 1
    assert "not in the cache" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_environment_names_it_for_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    named, other = tmp_path / "named", tmp_path / "other"
    monkeypatch.setenv("PYEXT4_CACHE", str(named))
    assert default_cache_dir() == named
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", IMAGE)
        options = ["-q", "--platform", "linux/amd64", "--free", "1M"]
        assert pull_main([reference, str(tmp_path / "o"), *options]) == 0
        assert set(contents(named)) == {IMAGE.digest, *IMAGE.blobs}
        assert cache_main(["list"]) == 0
        assert "3 blobs, " in capsys.readouterr().out
        with pull(reference, platform="linux/amd64", transport=IMPATIENT, offline=True) as image:
            image.fetch()  # the library's default too
        fetch(reference, other)  # what is named beside it wins
        assert set(contents(other)) == set(contents(named))
        (named / "blobs" / "sha256" / IMAGE.digest.partition(":")[2]).unlink()
        assert pull_main([reference, str(tmp_path / "o"), *options, "--cache-dir", str(other)]) == 0
        assert IMAGE.digest not in contents(named)


def test_empty_is_as_if_not_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYEXT4_CACHE", "")
    assert default_cache_dir() == tmp_path / "user" / "pyext4"
