"""The embedded services: real ones, stopped, killed, started again."""

import psycopg
from confluent_kafka.admin import AdminClient


def test_answers(kafka: str, postgres: str) -> None:
    assert AdminClient({"bootstrap.servers": kafka}).list_topics(timeout=5).brokers
    with psycopg.connect(postgres) as session:
        assert session.execute("select 1").fetchone() == (1,)
