"""The sagas: what is missing, whatever has happened."""
