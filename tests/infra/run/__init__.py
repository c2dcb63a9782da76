"""What `infra/run` promises."""
