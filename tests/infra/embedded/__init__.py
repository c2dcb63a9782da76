"""What `infra/embedded` promises."""
