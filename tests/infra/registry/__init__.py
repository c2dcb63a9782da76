"""Tests of the embedded schema registry, pure and over its real topic."""
