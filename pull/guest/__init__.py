"""What makes an image start by itself as a virtual machine (`--boot`).

`plan` decides what to run, `layer` puts it and what belongs around it into one layer on top,
`prepare` joins the two; `inspection` only tells. The init itself is in `init`, the image's own
kernel in `kernel`.
"""
