"""Sealed credentials: nobody else opens them, nothing shows them."""
