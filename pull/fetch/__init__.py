"""From a descriptor to bytes that can be read.

`documents` and `selection` find the manifest for a platform; `blobs` hands out layers; `download`,
`arrival` and `relay` bring a blob into the cache while somebody reads it. Everything here works
with any source of images: it speaks neither HTTP nor the format of an archive.
"""
