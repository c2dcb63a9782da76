"""The gateway: over a ledger in memory, over Postgres, and as a role."""
