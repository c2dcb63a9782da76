"""Tests of the facts and their envelope."""
