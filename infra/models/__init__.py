"""Models: trained from the tape, kept on disk, put on the record."""
