"""Signals: from start to end, each ends the program cleanly, as --help says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pull.command.interruption import SIGNALS, SignalledError, interruptible
from tests.pull.registry.fake_registry import FakeRegistry, Quirk
from tests.pull.registry.images import make_image, make_tar

ROOT = Path(__file__).parents[3]
LAYOUT = f"oci:{ROOT}/examples/layout:demo"
IMAGE = make_image([make_tar({"a": b"1" * 5000})])
EVERY = pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)


def start(
    *arguments: str | Path, ignored: tuple[int, ...] = (), more: dict[str, str] | None = None
) -> subprocess.Popen[str]:
    def ignore() -> None:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)

    return subprocess.Popen(
        [sys.executable, "-m", *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | (more or {}),
        preexec_fn=ignore,  # noqa: PLW1509  # it takes no lock
    )


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def left_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir() if path.name != "cache")


@EVERY
def test_while_a_layer_is_on_its_way(number: signal.Signals, tmp_path: Path) -> None:
    with FakeRegistry(Quirk("GET .*/blobs/", stall_seconds=30)) as registry:
        reference = registry.add("app", "v1", IMAGE)
        options = ("-q", "--platform", "amd64", "--cache-dir", tmp_path / "cache")
        program = start("pull", reference, tmp_path / "out.ext4", *options)
        until(lambda: registry.count("GET .*/blobs/"))
        program.send_signal(number)
        assert program.communicate(timeout=10)[1] == f"{SIGNALS[number]}\n"
    assert program.returncode == 128 + number
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("ignored", [signal.SIGHUP, signal.SIGINT], ids=lambda number: number.name)
def test_what_is_ignored_at_the_beginning_stays_so(ignored: signal.Signals, tmp_path: Path) -> None:
    """nohup(1) ignores SIGHUP; a shell without job control ignores SIGINT in the background."""
    with FakeRegistry(Quirk("GET .*/blobs/", stall_seconds=1.0)) as registry:
        reference = registry.add("app", "v1", IMAGE)
        options = ("-q", "--platform", "amd64", "--cache-dir", tmp_path / "cache", "--free", "1M")
        program = start("pull", reference, tmp_path / "out.ext4", *options, ignored=(ignored,))
        until(lambda: registry.count("GET .*/blobs/"))
        program.send_signal(ignored)
        assert program.communicate(timeout=30)[1] == ""
    assert program.returncode == 0
    assert left_in(tmp_path) == ["out.ext4"]


AT_AN_IMPORT = """
import os, signal, sys

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), {number})

sys.meta_path.insert(0, Finder())
"""


@EVERY
@pytest.mark.parametrize(
    ("program", "module"),
    [
        ("pull", "pull.fetch.documents"),
        ("pull", "pull.command.main"),
        ("pull", "requests"),
        ("pull", "pyext4.writing.writer"),
        ("pull.cache", "pull.cache"),
        ("pull.cache", "pull.cache.maintenance"),
        ("pyext4", "pyext4.commands.cli"),
        ("pyext4", "pyext4.reader"),
    ],
)
def test_while_it_starts(program: str, module: str, number: signal.Signals, tmp_path: Path) -> None:
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / "sitecustomize.py").write_text(AT_AN_IMPORT.format(module=module, number=int(number)))
    work = tmp_path / "work"
    work.mkdir()
    arguments: dict[str, tuple[str | Path, ...]] = {
        "pull": (LAYOUT, work / "out.ext4", "-q", "--cache-dir", work / "cache"),
        "pull.cache": ("--cache-dir", work / "cache", "list"),
        "pyext4": ("info", work / "none"),
    }
    if module == "requests":  # a registry that nobody will answer for
        arguments["pull"] = ("127.0.0.1:1/a", work / "out.ext4", "-q", "--cache-dir", work / "c")
    started = start(program, *arguments[program], more={"PYTHONPATH": str(hooks)})
    said = started.communicate(timeout=30)[1]
    assert (started.returncode, said) == (128 + number, f"{SIGNALS[number]}\n")
    # during an import it is asked again a moment later: a small image may be out by then, whole
    assert [name for name in left_in(work) if name != "c"] in ([], ["out.ext4"])


@EVERY
@pytest.mark.parametrize("program", ["pull.cache", "pyext4"])
def test_the_other_programs(program: str, number: signal.Signals, tmp_path: Path) -> None:
    place = tmp_path / "blobs/sha256" / ("0" * 64)
    place.parent.mkdir(parents=True)
    os.mkfifo(place)  # whoever opens it waits
    tmp_path.chmod(0o700)
    arguments: tuple[str | Path, ...] = ("info", place)
    if program == "pull.cache":
        arguments = ("--cache-dir", tmp_path, "verify")
    started = start(program, *arguments)
    until(lambda: b"fifo" in Path(f"/proc/{started.pid}/wchan").read_bytes() or _sleeps(started))
    started.send_signal(number)
    said = started.communicate(timeout=10)[1]
    assert (started.returncode, said) == (128 + number, f"{SIGNALS[number]}\n")


def _sleeps(program: subprocess.Popen[str]) -> bool:
    """Tell whether a program has got so far that it waits in open(2)."""
    call = Path(f"/proc/{program.pid}/syscall").read_text().split()
    return call[0] in ("2", "257", "56")  # open, openat on x86-64; openat elsewhere


def at_every_line(directory: Path, files: str) -> list[dict[str, object]]:
    """Convert once for each line that runs in some files, with a signal before that line."""
    options = ("-q", "--platform", "linux/amd64", "--cache-dir", "cache", "--free", "1M", "--json")
    done = subprocess.run(
        [
            *(sys.executable, str(Path(__file__).with_name("signal_at_every_line.py"))),
            *(str(directory), "SIGTERM", files),
            *(*options, "--tar", "flat.tar", LAYOUT, "out.ext4"),
        ],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    "files",
    [
        "pyext4/image/output_file.py,pull/command/exports.py,pyext4/writing/writer.py",
        pytest.param("pull/command/main.py,pull/command/interruption.py", marks=pytest.mark.slow),
    ],
)
def test_before_every_line(files: str, tmp_path: Path) -> None:
    *told, last = at_every_line(tmp_path, files)
    assert len(told) > 50
    for one in told:
        assert (one["status"], one["said"]) == (143, "terminated\n"), one
        assert one["left"] in ([], ["out.ext4"], ["flat.tar", "out.ext4"]), one
    assert (last["status"], last["left"]) == (200, ["flat.tar", "out.ext4"])


def in_a_program(lines: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", lines],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=20,
    )


BEGIN = """
import signal, sys, time
from pull.command import interruption
from pull.process.program import clean_with
clean_with(lambda: print("cleaned", flush=True))
interruption._UNWIND_SECONDS = 1
with interruption.interruptible():
    try:
        signal.raise_signal(signal.SIGTERM)
    except interruption.SignalledError:
"""


def test_a_second_signal_ends_it_at_once() -> None:
    done = in_a_program(BEGIN + "        signal.raise_signal(signal.SIGHUP)\n        print('no')")
    assert (done.returncode, done.stdout, done.stderr) == (129, "cleaned\n", "hung up\n")


def test_what_does_not_unwind_is_ended() -> None:
    done = in_a_program(BEGIN + "        time.sleep(15)")
    assert (done.returncode, done.stdout, done.stderr) == (143, "cleaned\n", "terminated\n")


def test_an_error_on_the_way_out_does_not_hide_the_signal() -> None:
    def leave() -> None:
        with interruptible():
            try:
                signal.raise_signal(signal.SIGHUP)
            except SignalledError as error:
                raise OSError from error

    with pytest.raises(SignalledError) as caught:
        leave()
    assert caught.value.number == signal.SIGHUP


def test_a_library_keeps_its_handlers() -> None:
    done = in_a_program(
        "import signal, pull, pyext4\n"
        "print([signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGHUP)])"
    )
    assert done.stdout == f"{[signal.SIG_DFL, signal.SIG_DFL]}\n"
