"""The MetaTrader 5 boundary: terminal, venue, bridge, gateway."""
