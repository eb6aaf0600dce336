"""Names the cffi builders and compiles the guest's init: pyproject.toml has no key for them."""

import logging
import os
import runpy
from pathlib import Path

from setuptools import setup
from setuptools.command.build_ext import build_ext


class BuildWithGuest(build_ext):  # type: ignore[misc]  # setuptools comes without types
    """Compiles pull/guest/init beside the extensions; a missing compiler is not an error."""

    def run(self) -> None:
        """Compile the extensions, then the init for each architecture there is a compiler for."""
        super().run()
        root = Path() if self.inplace else Path(self.build_lib)
        directory = root / "pull/guest/init"
        directory.mkdir(parents=True, exist_ok=True)
        missing = runpy.run_path("pull/guest/init/build.py")["build"](directory)
        for machine, problem in missing.items():
            logging.getLogger(__name__).warning("no init for %s: %s", machine, problem)
        # whoever demands the C gets it for the machine he builds on, or an error
        if os.environ.get("PYEXT4_REQUIRE_NATIVE") == "1" and os.uname().machine in missing:
            raise SystemExit(missing[os.uname().machine])


setup(
    cffi_modules=["pyext4/native/build.py:ffibuilder", "flatten/native/build.py:ffibuilder"],
    cmdclass={"build_ext": BuildWithGuest},
)
