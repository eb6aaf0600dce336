"""One layer's entries onto the tree that the layers below it made.

`rules` tells how. The other modules each hold one thing that the rules need: `brought` what the
present layer brought, `waiting` what waits for its end, `names` what every name of the tree means,
`places` where an entry belongs, by a layer's rules or by those for what the host adds. Nothing here
reads a tar header or decompresses.
"""
