"""What `infra/cli` promises."""
