"""The peer of the Faust host: an agent that forwards bytes and does nothing else.

Run as `python -m infra.bench.peers.bare_faust BROKERS IN OUT`.
"""

from __future__ import annotations

import sys
from typing import Any

import faust


def forward(brokers: str, source: str, target: str) -> faust.App:
    """An app with one agent from `source` to `target`, raw in and raw out."""
    app = faust.App(
        f"bare.{target}",
        broker=f"kafka://{brokers}",
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        store="memory://",
        consumer_auto_offset_reset="earliest",
    )
    inward = app.topic(source, value_type=bytes, value_serializer="raw", key_serializer="raw")

    async def agent(stream: Any) -> None:
        async for event in stream.events():
            # Faust's quickest way out: `topic.send` would wait for each acknowledgement.
            await app.producer.send(target, event.key, event.value, None, None, None)

    app.agent(inward, name="forward")(agent)
    return app


if __name__ == "__main__":
    sys.argv, arguments = ["faust", "worker", "-l", "warn"], sys.argv[1:]
    forward(*arguments).main()
