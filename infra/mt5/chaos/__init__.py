"""Agents under fire: accounts trade while their agents are killed and hung; the books are judged."""
