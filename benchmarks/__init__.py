"""Speed compared with other tools, and the images used for measuring and testing."""
