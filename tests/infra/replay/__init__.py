"""What `infra/replay` promises."""
