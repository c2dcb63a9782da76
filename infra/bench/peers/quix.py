"""The peer of the bulk host: quixstreams, raw bytes in and out. Runs in an environment of its own.

Run as `python quix.py BROKERS IN OUT` with the packages of `requirements-peer.lock`.
"""

from __future__ import annotations

import sys

from quixstreams import Application


def forward(brokers: str, source: str, target: str) -> Application:
    """An application that copies `source` to `target`."""
    app = Application(
        broker_address=brokers,
        consumer_group=f"quix.{target}",
        auto_offset_reset="earliest",
        loglevel="WARNING",
        auto_create_topics=False,
        use_changelog_topics=False,
    )
    inward = app.topic(source, key_deserializer="bytes", value_deserializer="bytes")
    outward = app.topic(target, key_serializer="bytes", value_serializer="bytes")
    app.dataframe(inward).to_topic(outward)
    return app


if __name__ == "__main__":
    forward(*sys.argv[1:]).run()
