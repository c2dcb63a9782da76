"""How it runs: the outer ring. It imports everyone and is imported by no one."""
