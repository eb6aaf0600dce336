"""What the specifications of images define, as values: text in, values out.

References, digests, platforms, descriptors, manifests and configs, URLs, the reading of JSON
fields, and sizes as people write them. Nothing here opens a file or a connection, or knows where a
document came from.
"""
