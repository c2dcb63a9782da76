"""What `infra/feed` promises."""
