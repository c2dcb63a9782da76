"""The conformance suite: its rules hold for the simulator, and each of them can fail."""
