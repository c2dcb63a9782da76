"""The deciders, in the words of the field."""
