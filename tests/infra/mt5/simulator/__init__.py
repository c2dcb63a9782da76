"""The simulated broker, part by part."""
