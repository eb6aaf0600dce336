"""Which features a filesystem has: the default, the profiles, and what may be added or removed.

| profile  | features                                                    | sizes                   |
| -------- | ----------------------------------------------------------- | ----------------------- |
| default  | what `mke2fs -t ext4` of e2fsprogs 1.47.0 makes             | as the options say      |
| compat   | without metadata_csum and 64bit, which GRUB 2.02 and        | as the options say      |
|          | kernels before 3.18 can't read, and never ea_inode, which   |                         |
|          | needs kernel 4.13; uninit_bg guards the descriptors         |                         |
| readonly | without has_journal and resize_inode, which only writing    | nothing free, unless    |
|          | and growing need                                            | options ask for it      |
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pyext4.errors import OptionsError
from pyext4.ondisk.features import FEATURES
from pyext4.options import Profile

__all__ = ["DEFAULT", "feature_words", "forbidden", "resolve"]

DEFAULT: Final = frozenset({
    "has_journal", "ext_attr", "resize_inode", "dir_index", "filetype", "extent", "64bit",
    "flex_bg", "sparse_super", "large_file", "huge_file", "dir_nlink", "extra_isize",
    "metadata_csum",
})  # fmt: skip

_PROFILES: Final[dict[Profile, frozenset[str]]] = {
    "default": DEFAULT,
    "compat": DEFAULT - {"metadata_csum", "64bit"} | {"uninit_bg"},
    "readonly": DEFAULT - {"has_journal", "resize_inode"},
}

_OPTIONAL: Final = frozenset({
    "has_journal", "resize_inode", "dir_index", "64bit", "huge_file", "dir_nlink",
    "metadata_csum", "uninit_bg", "metadata_csum_seed", "ea_inode", "orphan_file",
    "inline_data",
})  # fmt: skip
"""The optional features; ea_inode is added automatically if a value needs it and it may be."""

# what a feature requires, as in mke2fs and the kernel
_NEEDS: Final = {
    "metadata_csum_seed": "metadata_csum",
    "orphan_file": "has_journal",
}


def resolve(profile: Profile, changes: Iterable[str]) -> frozenset[str]:
    """Return the features of a profile after the changes, by mke2fs's names.

    Raises:
        OptionsError: a feature is unknown, can't be made, can't be removed, or lacks one that it
        needs.
    """
    if profile not in _PROFILES:
        raise OptionsError("profile", f"must be one of {', '.join(_PROFILES)}, not: {profile}")
    features = set(_PROFILES[profile])
    for change in changes:
        name = change.removeprefix("^")
        if name not in FEATURES:
            raise OptionsError("features", f"unknown feature: {name}")
        if change.startswith("^"):
            if name in features and name not in _OPTIONAL:
                raise OptionsError("features", f"can't be left out: {name}")
            features.discard(name)
        else:
            if name not in DEFAULT and name not in _OPTIONAL:
                raise OptionsError("features", f"can't be made: {name}")
            features.add(name)
    for name, needed in _NEEDS.items():
        if name in features and needed not in features:
            raise OptionsError("features", f"{name} needs: {needed}")
    if "metadata_csum" in features:
        features.discard("uninit_bg")  # metadata_csum implies it and replaces its checksum
    return frozenset(features)


def forbidden(profile: Profile, changes: Iterable[str]) -> frozenset[str]:
    """Return the features that may not be added even if a content needs them."""
    out = {"ea_inode"} if profile == "compat" else set()
    for change in changes:
        if change.startswith("^"):
            out.add(change[1:])
        else:
            out.discard(change)
    return frozenset(out)


def feature_words(features: Iterable[str]) -> dict[str, int]:
    """Return s_feature_compat, s_feature_incompat and s_feature_ro_compat."""
    words = {"s_feature_compat": 0, "s_feature_incompat": 0, "s_feature_ro_compat": 0}
    for name in features:
        word, bit = FEATURES[name]
        words[word] |= bit
    return words
