"""What `infra/models` promises."""
