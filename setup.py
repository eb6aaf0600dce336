"""Names the cffi builders and compiles the guest's init: pyproject.toml has no key for them.

PYEXT4_REQUIRE_NATIVE=1 makes a failed compilation an error; PYEXT4_NO_NATIVE=1 compiles no
extension. A wheel without an extension is tagged for every machine, py3-none-any.
"""

import logging
import os
import runpy
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import BaseError, CCompilerError, CompileError

REQUIRED = os.environ.get("PYEXT4_REQUIRE_NATIVE") == "1"
REFUSED = os.environ.get("PYEXT4_NO_NATIVE") == "1"
if REQUIRED and REFUSED:
    raise SystemExit("PYEXT4_REQUIRE_NATIVE and PYEXT4_NO_NATIVE exclude each other: unset one")


class BuildWithGuest(build_ext):  # type: ignore[misc]  # setuptools comes without types
    """Compiles pull/guest/init beside the extensions; a missing compiler is not an error."""

    def run(self) -> None:
        """Compile the extensions, then the init for each architecture there is a compiler for."""
        super().run()
        if not any(self._built(extension).exists() for extension in self.extensions):
            self._tag_as_pure()
        root = Path() if self.inplace else Path(self.build_lib)
        directory = root / "pull/guest/init"
        directory.mkdir(parents=True, exist_ok=True)
        missing = runpy.run_path("pull/guest/init/build.py")["build"](directory)
        for machine, problem in missing.items():
            logging.getLogger(__name__).warning("no init for %s: %s", machine, problem)
        # whoever demands the C gets it for the machine he builds on, or an error
        if REQUIRED and os.uname().machine in missing:
            raise SystemExit(missing[os.uname().machine])

    def build_extension(self, ext: Extension) -> None:
        """Compile one extension; what an older source gave doesn't stand in for a failure."""
        if REFUSED:
            self._built(ext).unlink(missing_ok=True)
            return
        try:
            super().build_extension(ext)
        except (BaseError, CCompilerError, CompileError):
            self._built(ext).unlink(missing_ok=True)
            raise

    def _built(self, extension: Extension) -> Path:
        return Path(self.build_lib, self.get_ext_filename(self.get_ext_fullname(extension.name)))

    def _tag_as_pure(self) -> None:
        # bdist_wheel decides before it builds, from what there is to build
        self.distribution.ext_modules = []
        wheel = self.distribution.get_command_obj("bdist_wheel", create=False)
        if wheel is not None:
            wheel.root_is_pure = True


setup(
    cffi_modules=["pyext4/native/build.py:ffibuilder", "flatten/native/build.py:ffibuilder"],
    cmdclass={"build_ext": BuildWithGuest},
)
