"""The installed program, run by a user who is nobody in particular.

`ordinary_user()` installs this checkout as users do, `pip install .` into a virtual environment,
at a place that everyone may read: a checkout need not be one.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.oracle_tools import need, need_root

__all__ = ["OrdinaryUser", "ordinary_user"]

CHECKOUT = Path(__file__).parent.parent.parent
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
        variables = {"HOME": str(self.home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
        return subprocess.run(
            [*DROP, str(self.python), "-m", "pull", *map(str, arguments)],
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
        subprocess.run([_base_python(), "-m", "venv", str(folder / "venv")], check=True)
        python = folder / "venv/bin/python"
        install = [str(python), "-m", "pip", "install", "--quiet", str(CHECKOUT)]
        environ = os.environ | {"PYEXT4_REQUIRE_NATIVE": "1"}
        subprocess.run(install, check=True, env=environ, stdin=subprocess.DEVNULL)
        yield OrdinaryUser(home=home, python=python)


def _base_python() -> str:
    """Name the interpreter outside any virtual environment, which other users can run."""
    return str(Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}")
