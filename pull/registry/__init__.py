"""Everything that speaks HTTP.

`client` is a registry as a source of images. Below it are requests and their answers (`transport`,
`connections`, `answers`, `encodings`, `tls`), who we are (`auth`, `credentials`), and layers that
lie elsewhere (`foreign`). Nothing here knows of the cache, or picks a platform.
"""
