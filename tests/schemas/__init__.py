"""Tests of how messages are written: derivation, codec, frozen versions, compatibility."""
