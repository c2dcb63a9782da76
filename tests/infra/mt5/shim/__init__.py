"""The simulator in the place of the vendor's package."""
