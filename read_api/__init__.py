"""Who may ask: read-only REST, subscriptions and health over the read models."""
