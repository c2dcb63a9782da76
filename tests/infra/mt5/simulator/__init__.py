"""The simulated broker: its rules, its books, its causes."""
