"""Tests of the questions about a moment that is over."""
