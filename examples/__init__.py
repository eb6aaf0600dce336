"""The image that comes with the repository, and the script that makes it."""
