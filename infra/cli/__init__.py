"""The `tapedeck` command: one module for each of its words, and what they show."""
