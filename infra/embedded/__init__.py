"""Kafka and Postgres for one machine, on loopback ports, with their data in one folder.

Add a service as a class with `start()`, `stop()` and `kill()` in a file of its own, and its port in
`infra/config.py`.
"""
