"""What makes an image start by itself as a virtual machine (`--boot`).

`plan` decides what to run, `layer` puts it and what it needs into one layer on top, `prepare` joins
the two; `inspection` only reports. `init` has the init itself, `kernel` the image's own kernel.
"""
