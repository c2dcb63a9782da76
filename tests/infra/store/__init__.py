"""What `infra/store` promises."""
