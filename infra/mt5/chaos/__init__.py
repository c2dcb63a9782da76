"""Agents under fire: accounts trade while theirs are killed and hung; then the books speak."""
