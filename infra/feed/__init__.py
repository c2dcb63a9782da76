"""Quotes onto the tape: read from terminals or files, judged, numbered, pressed into records."""
