"""Credentials of accounts: sealed where the machine can keep them, of use for a day.

A new place to keep them is one class that answers `provider.Provider`, and one line in `chosen`.
"""
