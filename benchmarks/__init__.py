"""How long it takes, beside other tools, and the images that are measured and tested with."""
