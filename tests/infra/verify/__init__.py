"""What `infra/verify` promises."""
