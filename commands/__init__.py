"""What we decide. One file per aggregate, in this order: commands, state, decide, evolve.
Orders have most to say and take three: `orders.py`, `order_limits.py`, `order_life.py`.

To add a command: its class and its `case` in the aggregate's file, a test, and
`tapedeck schemas freeze`. To add an aggregate: a file like these, and one line in `DECIDERS`.
"""

from typing import Any

from commands import accounts, executions, letters, limits, models, orders, subjects
from commands.accounts import ACCOUNTS
from commands.command import Command
from commands.decider import Decider
from commands.executions import EXECUTIONS
from commands.letters import LETTERS
from commands.limits import LIMITS
from commands.models import MODELS
from commands.order_life import ORDERS
from commands.subjects import SUBJECTS

COMMANDS: tuple[type[Command], ...] = (
    *orders.COMMANDS,
    *executions.COMMANDS,
    *accounts.COMMANDS,
    *limits.COMMANDS,
    *models.COMMANDS,
    *letters.COMMANDS,
    *subjects.COMMANDS,
)

DECIDERS: tuple[Decider[Any, Any, Any], ...] = (
    *(ORDERS, EXECUTIONS, ACCOUNTS, LIMITS, MODELS),
    *(LETTERS, SUBJECTS),
)
DECIDER_OF = {kind: decider for decider in DECIDERS for kind in decider.commands}
"""Who decides a command."""
