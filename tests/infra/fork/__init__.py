"""Copies of the tape to play with."""
