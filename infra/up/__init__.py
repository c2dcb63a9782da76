"""One copy of the platform: what it consists of, how it comes up, who watches it."""
