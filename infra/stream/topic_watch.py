"""Whether topics that are being read are still the same ones.

librdkafka goes by names: to it, a topic that is deleted and made anew is one that was away for a
moment, and it reads on at the offset where it stood. So Kafka is asked for its own ids, beside the
work. That a topic is another is noticed within two looks; where it was away for as long, before
anything of it is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicCollection

from infra.config import Config
from infra.stream import kafka


class TopicWatch:
    """Looks after topics whose ids are known."""

    def __init__(self, config: Config, ids: Mapping[str, str]) -> None:
        self._client = kafka.admin(config)
        self.ids = ids
        self._asked: Mapping[str, Future[Any]] = {}

    def look(self) -> None:
        """Judge what was answered since the last look, and ask again; waits for nobody.

        `KafkaException` if a topic is gone or another: whoever begins again finds out which.
        """
        if not all(answer.done() for answer in self._asked.values()):
            return
        for name, answer in self._asked.items():
            if not _is(self.ids[name], answer):
                what = f"{name} is gone, or another has its name"
                raise KafkaException(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART, what))
        if self.ids:
            self._asked = self._client.describe_topics(TopicCollection(list(self.ids)))


def _is(topic_id: str, answer: Future[Any]) -> bool:
    """Whether it is this one, as far as one knows: a Kafka that does not answer says nothing."""
    failed = answer.exception()
    if failed is None:
        return str(answer.result().topic_id) == topic_id
    error = failed.args[0] if isinstance(failed, KafkaException) else None
    return not (isinstance(error, KafkaError) and error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART)
