"""The tape under other choices."""
