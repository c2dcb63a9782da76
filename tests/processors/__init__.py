"""Processors: what the stream means, told by examples, by properties and by golden figures."""
