"""Tests, in folders that mirror the code. What uses a service is marked `services`."""
