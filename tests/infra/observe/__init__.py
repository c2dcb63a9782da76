"""What `infra/observe` promises."""
