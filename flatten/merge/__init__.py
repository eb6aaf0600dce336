"""Apply one layer's entries to the tree that the layers below it made.

`rules` explains how. Each other module holds one thing that the rules need: `brought` what the
current layer brought, `waiting` what waits for its end, `names` what every name of the tree means,
`places` where an entry belongs, by the rules for layers or for additions from the host. Nothing
here reads a tar header or decompresses.
"""
