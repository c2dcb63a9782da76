"""What must happen next, across aggregates and accounts.

To add a saga: one file with `evolve`, `next` and the `Saga` value, one test, one line in `SAGAS`.
"""

from typing import Any

from sagas.order_execution import ORDER_EXECUTION
from sagas.saga import Saga

SAGAS: tuple[Saga[Any, Any, Any], ...] = (ORDER_EXECUTION,)
