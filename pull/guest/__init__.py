"""What runs inside the machine: the init that starts an image's entry point, and its boot file."""
