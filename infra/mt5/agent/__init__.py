"""The terminal agent: one process, one terminal, one account, served over gRPC with mutual TLS."""
