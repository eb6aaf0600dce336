"""Names the cffi builders: pyproject.toml has no key for them."""

from setuptools import setup

setup(cffi_modules=["pyext4/native/build.py:ffibuilder", "flatten/native/build.py:ffibuilder"])
