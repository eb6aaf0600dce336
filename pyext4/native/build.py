"""Build `pyext4.native._native`: the C of this directory, through cffi (API mode, stable ABI)."""

import os
from pathlib import Path

from cffi import FFI

HERE = "pyext4/native"  # builds run in the project's root
SOURCES = (
    "crc32c",
    "bitmap",
    "inode_table",
    "dirhash",
    "directory",
    "place",
    "host_directories",
    "host_files",
    "sha256",
)

ffibuilder = FFI()
# Not in native.h: only the tests call it, to compare the tables with the instruction.
ffibuilder.cdef(
    (Path(HERE) / "native.h").read_text()
    + "uint32_t px_crc32c_tables(uint32_t seed, const uint8_t *data, size_t length);"
)
ffibuilder.set_source(
    "pyext4.native._native",
    '#include "prelude.h"\n'
    "uint32_t px_crc32c_tables(uint32_t seed, const uint8_t *data, size_t length);",
    sources=[f"{HERE}/{name}.c" for name in SOURCES],
    depends=[f"{HERE}/{name}" for name in ("native.h", "prelude.h", "crc32c_table.h")],
    include_dirs=[HERE],
    extra_compile_args=["-std=gnu99", "-O3", "-Wall", "-Wextra"],
    # A user without a compiler gets the pure backend; demanding the C gives it or an error.
    optional=os.environ.get("PYEXT4_REQUIRE_NATIVE") != "1",
)
