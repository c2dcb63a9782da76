"""Tests, in folders that mirror the code. Pure ones need nothing; those that use a service fixture are marked so."""
