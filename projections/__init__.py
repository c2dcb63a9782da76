"""What we show. One file per read model: table, apply, queries, version.

To add a read model: one file, one test, one line in `PROJECTIONS`, a line in `read_api/routes.py`
if it is exposed.
"""

from projections import (
    accounts,
    audit,
    bars,
    executions,
    orders,
    positions,
    predictions,
    signals,
    ticks,
)
from projections.projection import Projection

PROJECTIONS: tuple[Projection, ...] = (
    ticks.PROJECTION,
    bars.PROJECTION,
    predictions.PROJECTION,
    signals.PROJECTION,
    orders.PROJECTION,
    positions.PROJECTION,
    executions.PROJECTION,
    accounts.PROJECTION,
    audit.PROJECTION,
)
