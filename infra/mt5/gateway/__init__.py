"""One account's way to its terminal: intent committed, order sent once, outcome found."""
