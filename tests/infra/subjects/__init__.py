"""Tests of people, their keys, and what is sealed."""
