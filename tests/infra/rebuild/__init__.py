"""Tests of read models that are built anew while they are read."""
