"""`pull.convert`: the command's work for programs, and what is left if it is cancelled."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest

import pull
from pull.command.arguments import parse_arguments
from pull.command.main import main
from pull.command.request import FilesystemOptions, Request
from pull.errors import CancelledError, SettingError
from pull.registry.options import TransportOptions
from pull.spec.manifest import Descriptor
from tests.pull.registry.fake_registry import FakeRegistry
from tests.pull.registry.images import Image, make_image, make_tar

IMAGE = make_image(
    [
        make_tar({"etc/one": b"1" * 5000, "big": os.urandom(900_000)}),
        make_tar({"etc/two": b"2", "etc/.wh.one": b""}),
    ]
)
BROKEN: Image = make_image([b"no tar at all" * 100])
PLATFORM = "linux/amd64"


@pytest.fixture(autouse=True)
def _no_logins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "DOCKER_CONFIG"):
        monkeypatch.setenv(name, str(tmp_path / "cache" / "user"))
    monkeypatch.delenv("REGISTRY_AUTH_FILE", raising=False)


class Watching:
    """Notes what it is told, and cancels where it shall."""

    def __init__(self, cancel: pull.Cancel | None = None, *, at: str = "") -> None:
        self.downloads: list[int] = []
        self.conversions: list[tuple[str, int, int]] = []
        self._cancel = cancel
        self._at = at

    def downloaded(self, descriptor: Descriptor, position: int) -> None:
        self.downloads.append(position)
        del descriptor
        if self._cancel is not None and self._at == "downloaded":
            self._cancel.cancel()

    def converted(self, digest: str, size: int, position: int) -> None:
        self.conversions.append((digest, size, position))
        if self._cancel is not None and self._at == "converted":
            self._cancel.cancel()


class WatchingAll(Watching):
    """Notes the stages and layers too."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[object] = []

    def found(self, image: pull.PulledImage) -> None:
        self.told.append((image.digest, image.is_local))

    def began(self, stage: str) -> None:
        self.told.append(stage)

    def applied(self, number: int, position: int) -> None:
        del position
        if number not in self.told:
            self.told.append(number)


def left_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir() if path.name != "cache")


def test_it_makes_what_the_command_makes(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    watching = Watching()
    options = ("--platform", PLATFORM, "--cache-dir", str(tmp_path / "cache"))
    by_command, by_program = tmp_path / "a.ext4", tmp_path / "b.ext4"
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", IMAGE)
        made = pull.convert(
            reference,
            by_program,
            platform=PLATFORM,
            cache_dir=tmp_path / "cache",
            filesystem=pull.FilesystemOptions(free_bytes=4 << 20, label="root"),
            progress=watching,
        )
        assert capfd.readouterr() == ("", "")
        monkeypatch.setenv("SOURCE_DATE_EPOCH", "nonsense")  # the command's, not the library's
        again = pull.convert(
            reference, str(by_program), platform=PLATFORM, cache_dir=tmp_path / "cache"
        )
        assert again.written is not None
        assert again.written.label == b""
        monkeypatch.delenv("SOURCE_DATE_EPOCH")
        pull.convert(
            reference,
            by_program,
            platform=PLATFORM,
            cache_dir=tmp_path / "cache",
            filesystem=pull.FilesystemOptions(free_bytes=4 << 20, label="root"),
        )
        told = ("--free", "4M", "--label", "root", "--quiet")
        assert main([reference, str(by_command), *options, *told]) == 0
    assert by_command.read_bytes() == by_program.read_bytes()
    assert (made.reference, made.digest, str(made.platform)) == (reference, IMAGE.digest, PLATFORM)
    assert (made.layers, made.boots is not None, dict(made.left_out)) == (2, True, {})
    assert made.written is not None
    assert made.written.files_count == 3
    assert made.written.verity is None
    assert made.kernel_arguments is None
    assert set(made.seconds) == {"find", "convert", "cache"}
    assert max(watching.downloads) > 900_000
    assert {digest for digest, _, _ in watching.conversions}
    assert all(position <= size for _, size, position in watching.conversions)
    assert left_in(tmp_path) == ["a.ext4", "b.ext4"]


def test_stages_and_layers(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def told(**exports: object) -> list[object]:
        watching = WatchingAll()
        pull.convert(
            reference,
            tmp_path / "out.ext4",
            platform=PLATFORM,
            cache_dir=tmp_path / "cache",
            additions=[tmp_path / "more.tar"],
            exports=pull.ExportOptions(**exports),  # type: ignore[arg-type]
            reuse="never",
            progress=watching,
        )
        return watching.told

    (tmp_path / "more.tar").write_bytes(make_tar({"more": b"3"}))
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", IMAGE)
        found = (IMAGE.digest, False)
        assert told() == [found, "convert", 0, 1, 2, "write", "cache"]
        stages = [found, "convert", 0, 1, 2, "export", "write", "cache"]
        assert told(tar=str(tmp_path / "flat.tar")) == stages
        stages = [found, "convert", 0, 1, 2, "print", "write", "cache"]
        assert told(listing=True) == stages
        assert told(tar="-") == stages
    assert "/more" in capfd.readouterr().out


@pytest.mark.parametrize("at", ["before", "downloaded", "converted"])
def test_cancelled(at: str, tmp_path: Path) -> None:
    cancel = pull.Cancel()
    if at == "before":
        cancel.cancel()
    out = tmp_path / "out.ext4"
    out.write_bytes(b"as it was")
    with FakeRegistry() as registry, pytest.raises(CancelledError, match="cancelled"):
        pull.convert(
            registry.add("app", "v1", IMAGE),
            out,
            platform=PLATFORM,
            cache_dir=tmp_path / "cache",
            exports=pull.ExportOptions(tar=str(tmp_path / "flat.tar")),
            progress=Watching(cancel, at=at),
            cancel=cancel,
        )
    assert left_in(tmp_path) == ["out.ext4"]
    assert out.read_bytes() == b"as it was"


class AskedLast(pull.Cancel):
    """Ends the work the last time that it is asked; remembers how large the new file was then."""

    def __init__(self, folder: Path, times: int) -> None:
        super().__init__()
        self.times_left = times
        self.size_bytes = 0
        self._folder = folder

    def check(self, what: str) -> None:
        self.times_left -= 1
        self.size_bytes = max([0, *(path.stat().st_size for path in self._folder.glob(".out*"))])
        if self.times_left == 0:
            self.cancel()
        super().check(what)


def test_cancelled_at_the_last_moment(tmp_path: Path) -> None:
    never = AskedLast(tmp_path, 0)
    out = tmp_path / "out.ext4"
    with FakeRegistry() as registry:
        convert = partial(
            pull.convert,
            registry.add("app", "v1", IMAGE),
            out,
            platform=PLATFORM,
            cache_dir=tmp_path / "cache",
        )
        convert(cancel=never)
        size_bytes = out.stat().st_size
        out.unlink()
        late = AskedLast(tmp_path, -never.times_left)
        with pytest.raises(CancelledError, match="app"):
            convert(cancel=late)
    assert late.size_bytes == size_bytes
    assert left_in(tmp_path) == []


def test_cancelled_by_another_thread(tmp_path: Path) -> None:
    cancel = pull.Cancel()
    timer = threading.Timer(0.5, cancel.cancel)
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", IMAGE)
        timer.start()
        waiting = threading.Event()

        class Waits(Watching):
            def converted(self, digest: str, size: int, position: int) -> None:
                waiting.wait(1)  # longer than the timer
                super().converted(digest, size, position)

        with pytest.raises(CancelledError):
            pull.convert(
                reference,
                tmp_path / "out.ext4",
                platform=PLATFORM,
                cache_dir=tmp_path / "cache",
                progress=Waits(),
                cancel=cancel,
            )
    timer.join()
    assert left_in(tmp_path) == []


def test_errors_are_of_one_kind(tmp_path: Path) -> None:
    def convert(reference: str, **options: object) -> None:
        pull.convert(
            reference,
            tmp_path / "out.ext4",
            platform=PLATFORM,
            cache_dir=tmp_path / "cache",
            **options,  # type: ignore[arg-type]
        )

    with FakeRegistry() as registry:
        good, broken = registry.add("app", "v1", IMAGE), registry.add("bad", "v1", BROKEN)
        with pytest.raises(pull.PackageError) as of_pull:
            convert(good.replace("v1", "v2"))
        with pytest.raises(pull.PackageError) as of_flatten:
            convert(broken)
        with pytest.raises(pull.PackageError) as of_pyext4:
            convert(good, filesystem=pull.FilesystemOptions(size_bytes=1 << 20, label="x" * 20))
    assert type(of_pull.value).__module__ == "pull.errors"
    assert type(of_flatten.value).__module__ == "flatten.errors"
    assert type(of_pyext4.value).__module__ == "pyext4.errors"
    assert left_in(tmp_path) == []


def test_importing_pull_stays_light() -> None:
    program = (
        "import sys, pull\n"
        "heavy = {'flatten', 'pyext4.tree', 'pull.command', 'pull.guest', 'requests', 'rich'}\n"
        "print(heavy & set(sys.modules))\n"
        "pull.convert\n"
        "print({'flatten', 'requests', 'rich', 'pyext4.tree'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\nset()\n"


def test_a_request_is_values_only() -> None:
    request = parse_arguments(
        ["ref", "out", "--add", "/etc/hosts:/h", "--limit", "depth=3", "--timeout", "9"]
    )
    assert isinstance(request, Request)

    seen = set()

    def look(value: object) -> None:
        fields = getattr(value, "_fields", ())  # of a named tuple
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = tuple(field.name for field in dataclasses.fields(value))
        seen.add(type(value))
        for name in fields:
            with pytest.raises(AttributeError):  # FrozenInstanceError is one too
                setattr(value, name, None)
            look(getattr(value, name))
        assert not (fields and hasattr(value, "__dict__")), value

    look(request)
    assert {Request, FilesystemOptions, TransportOptions} <= seen


def test_namespaces_stay_in_the_parsers() -> None:
    parsers = {"arguments.py", "filesystem.py", "verity_options.py"}
    folder = Path(pull.__file__).parent / "command"
    found = {path.name for path in folder.glob("*.py") if "Namespace" in path.read_text()}
    assert found <= parsers


def test_epoch_matters_only_where_something_has_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "x")
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", IMAGE)
        fixed = ("--platform", PLATFORM, "--cache-dir", str(tmp_path / "cache"), "--quiet")
        assert main([reference, "--list", *fixed]) == 0
        capsys.readouterr()
        assert main([reference, str(tmp_path / "out.ext4"), *fixed]) == 1
    assert str(SettingError("SOURCE_DATE_EPOCH", "is not a number: 'x'")) in capsys.readouterr().err
