"""The installed program, run by an ordinary user.

`ordinary_user()` installs this checkout as users do, with `pip install .` into a virtual
environment, at a place that everyone may read, as a checkout might not be.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.oracle_tools import need, need_root, refuse

__all__ = ["CHECKOUT", "NOBODY", "OrdinaryUser", "ordinary_user"]

CHECKOUT = Path(__file__).parent.parent
NOBODY = 65534
DROP = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
DROP += ["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdinaryUser:
    """Where the user may write (`home`), and the Python that has the package."""

    home: Path
    python: Path

    def pull(
        self, *arguments: str | Path, environ: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run `python -m pull` in `home` and return what it said; it may fail."""
        return self.run("pull", *arguments, environ=environ)

    def run(
        self, package: str, *arguments: str | Path, environ: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run one of the packages as a program, in `home`, and return what it said."""
        variables = {"HOME": str(self.home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
        return subprocess.run(
            [*DROP, str(self.python), "-m", package, *map(str, arguments)],
            check=False,
            capture_output=True,
            text=True,
            cwd=self.home,
            env=variables | dict(environ or {}),
            stdin=subprocess.DEVNULL,
        )


@contextmanager
def ordinary_user() -> Iterator[OrdinaryUser]:
    """Install for everyone; home and installation go when the block ends."""
    need("setpriv")
    need_root()
    with tempfile.TemporaryDirectory(prefix="pyext4-") as place:
        folder = Path(place)
        folder.chmod(0o755)
        home = folder / "home"
        home.mkdir()
        os.chown(home, NOBODY, NOBODY)
        subprocess.run([_python_for_everyone(), "-m", "venv", str(folder / "venv")], check=True)
        python = folder / "venv/bin/python"
        install = [str(python), "-m", "pip", "install", "--quiet", str(CHECKOUT)]
        environ = os.environ | {"PYEXT4_REQUIRE_NATIVE": "1"}
        with _one_at_a_time():
            subprocess.run(install, check=True, env=environ, stdin=subprocess.DEVNULL)
        yield OrdinaryUser(home=home, python=python)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Wait for other processes of this test run: pip builds in the checkout's own build/."""
    lock = Path(tempfile.gettempdir()) / f"pyext4-install-{os.getuid()}.lock"
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _python_for_everyone() -> str:
    """Find an interpreter that other users can run; this one may live in root's home."""
    own = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
    usable = [name for name in (str(own), "/usr/bin/python3") if _everyone_can_run(name)]
    if not usable:
        refuse("no Python from 3.11 on, with venv, that an ordinary user can run")
    return usable[0]


def _everyone_can_run(python: str) -> bool:
    script = "import sys, ensurepip; sys.exit(sys.version_info < (3, 11))"
    # by way of a shell, which has no privileges left: setpriv itself can still run anything
    probe = [*DROP, "sh", "-c", '"$0" -I -c "$1"', python, script]
    return subprocess.run(probe, check=False, capture_output=True, cwd="/").returncode == 0
