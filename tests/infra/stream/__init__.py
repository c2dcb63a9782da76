"""What `infra/stream` promises."""
