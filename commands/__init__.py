"""What we decide. One file per aggregate, in this order: commands, state, decide, evolve.

To add a command: its class and its `case` in the aggregate's file, a test, and
`tapedeck schemas freeze`. To add an aggregate: a file like these, and one line in `DECIDERS`.
"""

from commands import accounts, executions, limits, models, orders
from commands.command import Command

COMMANDS: tuple[type[Command], ...] = (
    *orders.COMMANDS,
    *executions.COMMANDS,
    *accounts.COMMANDS,
    *limits.COMMANDS,
    *models.COMMANDS,
)
