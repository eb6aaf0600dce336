"""Chain IDs: the name of what layers add up to.

https://github.com/opencontainers/image-spec/blob/main/config.md#layer-chainid
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

__all__ = ["chain_ids"]


def chain_ids(diff_ids: Iterable[str | None]) -> Iterator[str]:
    """Yield the chain ID of the first layer, the first two, and so on.

    ChainID(L0) = DiffID(L0); ChainID(L0|...|Ln) = Digest(ChainID(L0|...|Ln-1) + " " + DiffID(Ln)).
    Ends before the first layer whose diff_id is not known.
    """
    chain = ""
    for diff_id in diff_ids:
        if diff_id is None:
            return
        text = f"{chain} {diff_id}".encode()
        chain = f"sha256:{hashlib.sha256(text).hexdigest()}" if chain else diff_id
        yield chain
