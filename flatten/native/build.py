"""Build the compiled scanner: `setup.py` names `ffibuilder`, setuptools and cffi do the rest."""

import os
from pathlib import Path

from cffi import FFI

HERE = Path(__file__).resolve().parent

ffibuilder = FFI()
ffibuilder.cdef((HERE / "interface.h").read_text())
ffibuilder.set_source(
    "flatten.native._native",
    '#include "scan.h"',
    sources=[
        f"flatten/native/{name}.c" for name in ("scan", "header", "numbers", "records", "paths")
    ],
    include_dirs=["flatten/native"],
    depends=["flatten/native/scan.h", "flatten/native/interface.h"],
    extra_compile_args=["-std=c99", "-O3"],
    py_limited_api=True,
    # A user without a compiler gets the pure backend; one who asks for the C gets it or an error.
    optional=os.environ.get("PYEXT4_REQUIRE_NATIVE") != "1",
)
