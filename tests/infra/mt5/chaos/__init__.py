"""The drill in which agents are killed: that it holds, and that it notices what must not be."""
