"""The read API as a process: uvicorn, a small pool of connections, one reader of the tape."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

import uvicorn
from prometheus_client import Gauge, Histogram, generate_latest
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import AsyncConnectionPool

from infra.asof.causes import causes
from infra.asof.moments import Moments
from infra.config import Config
from infra.observe.telemetry import LATENCY_BUCKETS_S
from infra.run.http import Impatient
from infra.store import postgres, read_models, rights
from infra.stream.reader import TapeReader
from infra.stream.schema_ids import SchemaIds
from infra.subjects.register import Register
from processors.features import FEATURE_DIGEST, FEATURE_NAMES
from read_api.app import create_app
from read_api.store import Pool, Row, configure
from read_api.subscriptions import Limits

HOST = "127.0.0.1"
POOL_MAX = 6
POOL_WAIT_S = 2.0
POOL_QUEUE_MAX = 200
STATEMENT_TIMEOUT_MS = 5_000
STOP_WITHIN_S = 5
STOP_POLL_S = 0.1

ANSWERS = Histogram(
    "tapedeck_api_seconds",
    "From request to the beginning of the answer",
    ("route", "status"),
    buckets=LATENCY_BUCKETS_S,
)

STALLED = Gauge("tapedeck_api_stalled", "Places where a record waits and nothing moves")

FOLLOWERS = Gauge("tapedeck_api_followers", "Subscriptions at this moment")


def run(config: Config, stop: threading.Event) -> None:
    """Serve until `stop`. Postgres and Kafka may come and go: questions are refused meanwhile."""
    asyncio.run(serve(config, stop))


async def serve(config: Config, stop: threading.Event, limits: Limits | None = None) -> None:
    """The same, inside an event loop."""
    closing = asyncio.Event()
    ids = SchemaIds(config, patience_s=0.0)
    tape = TapeReader(config, ids)
    app = create_app(
        open_pool(config),
        tape,
        Moments(config, ids),
        causes(),
        feature_names={FEATURE_DIGEST: FEATURE_NAMES},
        metrics=generate_latest,
        observe=_observe,
        followers=FOLLOWERS.set,
        stalled=STALLED.set,
        limits=limits,
        people=Register(config.home),
        closing=closing,
    )
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=HOST,
            port=config.ports.api,
            log_config=None,
            access_log=False,
            http=Impatient,
            timeout_graceful_shutdown=STOP_WITHIN_S,
            ws="websockets-sansio",
            ws_max_size=65_536,
        )
    )
    serving = asyncio.create_task(server.serve())
    while not stop.is_set() and not serving.done():
        await asyncio.sleep(STOP_POLL_S)
    closing.set()
    server.should_exit = True
    await serving
    await tape.close()


def open_pool(config: Config) -> Pool:
    """A bounded pool, not opened yet, whose connections see the live read models and only read."""
    conninfo = postgres.address(config.postgres, config.namespace, STATEMENT_TIMEOUT_MS)
    path = f'"{read_models.read_schema(conninfo)}","{postgres.schema_of(conninfo)}"'
    given = conninfo_to_dict(conninfo)
    options = f"{given['options']} -c search_path={path}"
    return AsyncConnectionPool(
        make_conninfo("", **{**given, "options": options}),
        configure=_reading(postgres.schema_of(conninfo)),
        min_size=1,
        max_size=POOL_MAX,
        timeout=POOL_WAIT_S,
        max_waiting=POOL_QUEUE_MAX,
        reconnect_timeout=10 * POOL_WAIT_S,
        open=False,
    )


def _reading(schema: str) -> Callable[[AsyncConnection[Row]], Awaitable[None]]:
    """A connection with no more rights than our processes have, that only reads."""

    async def configured(connection: AsyncConnection[Row]) -> None:
        await rights.give_up_async(connection, schema)
        await configure(connection)

    return configured


def _observe(route: str, status: int, seconds: float) -> None:
    ANSWERS.labels(route, str(status)).observe(seconds)
