"""People: what they type reaches the tape sealed, under a key that can be destroyed."""
