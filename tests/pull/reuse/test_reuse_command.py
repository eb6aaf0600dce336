"""What the command line and the environment say of states, and what is fetched with them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pull.command.main import main
from tests.pull.registry.fake_registry import FakeRegistry
from tests.pull.registry.images import make_image, make_tar
from tests.pull.reuse.stacks import digest_of

PLATFORM = ("--platform", "linux/amd64")
IMAGE = make_image([make_tar({"a": b"1" * 50_000}), make_tar({"b": b"2" * 100})])


class Run:
    def __init__(self, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.place = place
        self.cache = place / "cache"
        self._capsys = capsys

    def __call__(self, reference: str, *options: str) -> dict[str, object]:
        fixed = ("--cache-dir", str(self.cache), *PLATFORM, "--quiet", "--json")
        status = main([reference, str(self.place / "out"), *fixed, *options])
        said = self._capsys.readouterr()
        if status:
            return {"error": said.err}
        found: dict[str, object] = json.loads(said.out)
        return found

    def states(self) -> int:
        return len(list((self.cache / "checkpoints").glob("*.state")))


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.delenv("PYEXT4_REUSE")  # the default of the tests
    return Run(tmp_path, capsys)


def test_options(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", IMAGE)
        assert run(reference, "--reuse", "never")["reused_layers"] == 0
        assert not (run.cache / "checkpoints").exists()
        monkeypatch.setenv("PYEXT4_REUSE", "never")
        assert run(reference)["kept_states"] == 0
        assert run(reference, "--keep")["kept_states"] == 1
        assert run.states() == 1
        assert run(reference)["reused_layers"] == 0
        assert run(reference, "--reuse", "auto")["reused_layers"] == 2
        monkeypatch.setenv("PYEXT4_REUSE", "always")
        assert run(reference)["reused_layers"] == 2
        monkeypatch.setenv("PYEXT4_REUSE", "perhaps")
        assert "PYEXT4_REUSE" in str(run(reference)["error"])


@pytest.mark.parametrize(
    "options",
    [("--canonical",), ("--features", "inline_data"), ("--limit", "depth=50")],
)
def test_other_places_use_none(options: tuple[str, ...], run: Run) -> None:
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", IMAGE)
        for _ in range(2):
            made = run(reference, "--keep", *options)
            assert (made["reused_layers"], made["kept_states"]) == (0, 0)


def test_layers_of_a_state_are_not_fetched(run: Run) -> None:
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", IMAGE)
        run(reference, "--keep")
        wanted = digest_of(run.place / "out")
        for layer in json.loads(IMAGE.manifest)["layers"]:
            (run.cache / "blobs" / "sha256" / layer["digest"].partition(":")[2]).unlink()
        assert run(reference, "--offline")["reused_layers"] == 2
        assert digest_of(run.place / "out") == wanted
        before = len(registry.requests)
        assert run(reference)["reused_layers"] == 2
        assert not [each for each in registry.requests[before:] if "/blobs/" in str(each)]
        for state in (run.cache / "checkpoints").glob("*.state"):
            state.write_bytes(state.read_bytes()[:-1])
        made = run(reference)  # and where the state is damaged, they are
        assert (made["reused_layers"], made["dropped_states"]) == (0, 1)
        assert digest_of(run.place / "out") == wanted


def test_what_is_on_top_is_no_part_of_a_state(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("added")
    added = ("--add", f"{tmp_path / 'file'}:/a")
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", IMAGE)
        run(reference, "--reuse", "never", *added)
        wanted = digest_of(run.place / "out")
        assert run(reference, "--keep", *added)["kept_states"] == 1
        assert digest_of(run.place / "out") == wanted
        assert run(reference, "--keep", *added)["reused_layers"] == 2
        assert digest_of(run.place / "out") == wanted
        run(reference, "--reuse", "never")
        wanted = digest_of(run.place / "out")
        assert run(reference)["reused_layers"] == 2
        assert digest_of(run.place / "out") == wanted


def test_exports_are_those_of_a_full_conversion(run: Run, tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", IMAGE)
        for name in ("first", "second"):
            run(reference, "--keep", "--tar", str(tmp_path / name))
        assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
