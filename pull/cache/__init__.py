"""The cache of verified blobs on the user's disk.

`cache` claims, verifies and keeps blobs, `maintenance` lists, checks and removes them, and
`python -m pull.cache` is the command for it. Everything that touches the cache directory belongs
here, and nothing that knows where blobs come from or what is in them.
"""

from pull.cache.cache import Cache, Partial, default_cache_dir

__all__ = ["Cache", "Partial", "default_cache_dir"]
