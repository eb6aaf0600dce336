"""Images on this machine: OCI layouts, and the archives of `docker save` and skopeo.

Each is a source of images, as a registry is. Nothing here uses the network or the cache of blobs.
"""
