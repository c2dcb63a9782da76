"""What `infra/up` promises."""
