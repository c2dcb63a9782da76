"""One runner per shape, one module per role."""
