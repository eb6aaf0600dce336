"""The guest's init compiles without a warning, to the same bytes, for both architectures."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from pull.guest.init import binary, build
from pull.guest.init.binary import init_binary, init_script
from pull.guest.init.errors import NoInitError
from tests.oracle_tools import need

SOURCES = [build.HERE / name for name in build.SOURCES]
MACHINES = sorted(build.MACHINES)


def compiler_for(machine: str) -> list[str]:
    need("gcc", "aarch64-linux-gnu-gcc")
    return next(words for words in build.compilers(machine) if shutil.which(words[0]))


@pytest.mark.parametrize("machine", MACHINES)
def test_no_warning(machine: str, tmp_path: Path) -> None:
    compiler = [*compiler_for(machine), *build.WARNINGS]
    assert build.link(compiler, machine, SOURCES, tmp_path / "init") == ""


@pytest.mark.parametrize("machine", MACHINES)
def test_same_bytes_wherever_it_is_built(machine: str, tmp_path: Path) -> None:
    compiler = compiler_for(machine)
    copies = []
    for name in ("one", "another"):
        place = tmp_path / name
        shutil.copytree(build.HERE, place, ignore=shutil.ignore_patterns("init-*", "*.py"))
        sources = [place / source.name for source in SOURCES]
        assert build.link(compiler, machine, sources, place / "made") == ""
        copies.append((place / "made").read_bytes())
    assert copies[0] == copies[1]
    assert len(copies[0]) < 32 * 1024


@pytest.mark.parametrize("machine", MACHINES)
def test_static_with_nothing_writable_and_executable(machine: str, tmp_path: Path) -> None:
    need("readelf")
    output = tmp_path / "init"
    assert build.link(compiler_for(machine), machine, SOURCES, output) == ""
    shown = subprocess.run(
        ["readelf", "--program-headers", "--wide", output],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert "INTERP" not in shown
    assert "DYNAMIC" not in shown
    assert "RWE" not in shown


def test_build_writes_one_for_each_architecture(tmp_path: Path) -> None:
    for machine in MACHINES:
        compiler_for(machine)
    assert build.build(tmp_path) == {}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["init-aarch64", "init-x86_64"]


def test_a_machine_without_compilers_installs_nothing_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "init-x86_64").write_bytes(b"of an older source")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    missing = build.build(tmp_path)
    assert sorted(missing) == MACHINES
    assert all(problem.endswith("not found") for problem in missing.values())
    assert list(tmp_path.iterdir()) == []


def test_a_compiler_for_something_else_is_passed_over(tmp_path: Path) -> None:
    problem = build.link(compiler_for("x86_64"), "aarch64", SOURCES, tmp_path / "init")
    assert problem
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("architecture", "machine"),
    [("amd64", 62), ("x86_64", 62), ("arm64", 183), ("aarch64", 183)],
)
def test_the_init_of_an_image_has_its_architecture(architecture: str, machine: int) -> None:
    need("gcc", "aarch64-linux-gnu-gcc")
    program = init_binary(architecture)
    assert program[:4] == b"\x7fELF"
    assert int.from_bytes(program[18:20], "little") == machine


def test_no_init_for_other_architectures() -> None:
    with pytest.raises(NoInitError, match="no init was built for riscv64: there is one for amd64"):
        init_binary("riscv64")


def test_an_init_that_was_not_built_names_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binary, "HERE", tmp_path)
    with pytest.raises(NoInitError, match=r"for arm64: .*gcc-aarch64-linux-gnu.* ziglang"):
        init_binary("arm64")
    with pytest.raises(NoInitError, match=r"for amd64: .*gcc-x86-64-linux-gnu.* ziglang"):
        init_binary("amd64")


@pytest.mark.parametrize("shell", [["dash"], ["busybox", "sh"]])
def test_shells_can_read_the_script(shell: list[str], tmp_path: Path) -> None:
    need("busybox")
    script = tmp_path / "init"
    script.write_bytes(init_script())
    done = subprocess.run([*shell, "-n", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
