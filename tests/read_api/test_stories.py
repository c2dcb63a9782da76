"""Decisions back to their ticks, causes and effects, vitals, pages."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from events.envelope import Message
from infra.asof.causes import causes
from infra.config import Config
from infra.run.read_api import open_pool
from read_api.app import create_app
from read_api.decisions import PROJECTIONS, Trail
from read_api.story import Decision
from read_api.vitals import Ready, Topics
from tests.projections import story
from tests.read_api.conftest import TestClient, moments
from tests.read_api.memory_tape import MemoryTape

SIGNAL_ID = f"EURUSD-60-{story.T0_US + 20 * story.SECOND_US}"
ORDER_ID = f"{SIGNAL_ID}/90001/open"


@pytest.mark.parametrize("name", [SIGNAL_ID, ORDER_ID, quote(ORDER_ID, safe="")])
def test_a_decision_is_told_back_to_its_ticks(client: TestClient, name: str) -> None:
    answer = client.get(f"/decisions/{name}")
    decision = msgspec.json.decode(answer.content, type=Decision, strict=True)
    assert decision.id == SIGNAL_ID
    assert [tick["source_seq"] for tick in decision.ticks.ticks] == list(range(1, 20))
    assert decision.ticks.complete
    assert decision.ticks.closing is not None
    assert decision.ticks.closing["source_seq"] == 20
    assert decision.features == {"momentum": 0.25, "reversal": -1.5}
    assert decision.prediction is not None
    assert decision.prediction["model_digest"] == story.DIGEST
    assert decision.execution is not None
    assert [leg["state"] for leg in decision.execution["legs"]] == ["filled"] * 3
    assert len(decision.orders) == 3


def test_the_steps_stand_in_the_order_of_causes(client: TestClient) -> None:
    steps = client.get(f"/decisions/{SIGNAL_ID}").json()["steps"]
    kinds = [step["type"] for step in steps]
    assert kinds[:6] == [
        "BarClosed",
        "FeaturesComputed",
        "PredictionMade",
        "SignalRaised",
        "OpenExecution",
        "ExecutionOpened",
    ]
    assert kinds[6:9] == ["OrderAccepted", "OrderIntended", "OrderFilled"]
    assert kinds[-2:] == ["ExecutionCompleted", "PositionClosed"]


def test_any_message_of_a_decision_leads_to_it(
    client: TestClient, told: list[Message[Any]]
) -> None:
    for kind in ("SignalRaised", "OrderFilled", "ExecutionCompleted"):
        message = next(m for m in told if type(m.event).__name__ == kind)
        answer = client.get(f"/decisions/{message.envelope.message_id}")
        assert answer.json()["id"] == SIGNAL_ID


def test_what_one_tick_has_caused_leads_to_its_decision(
    client: TestClient, told: list[Message[Any]]
) -> None:
    fill = next(m for m in told if type(m.event).__name__ == "OrderFilled")
    answer = client.get(f"/decisions/{fill.envelope.correlation_id}")
    assert answer.json()["id"] == SIGNAL_ID
    assert answer.json()["ticks"]["complete"]


def test_a_prediction_that_led_to_nothing_is_told_too(
    client: TestClient, told: list[Message[Any]]
) -> None:
    prediction = next(m for m in told if type(m.event).__name__ == "PredictionMade")
    decision = client.get(f"/decisions/{prediction.envelope.message_id}").json()
    assert decision["prediction"]["probability_up"] == 0.61
    assert decision["signal"] is None
    assert decision["ticks"]["complete"]


def test_a_tape_that_is_away_costs_only_the_ticks(client: TestClient, tape: MemoryTape) -> None:
    tape.away = True
    decision = client.get(f"/decisions/{SIGNAL_ID}").json()
    assert decision["ticks"]["ticks"] == []
    assert "Kafka does not answer" in decision["ticks"]["note"]
    assert decision["signal"] is not None


def test_a_story_that_lacked_its_ticks_is_told_again(client: TestClient, tape: MemoryTape) -> None:
    path = f"/decisions/{SIGNAL_ID}"
    tape.away = True
    etag = client.get(path).headers["etag"]
    tape.away = False
    again = client.get(path, headers={"If-None-Match": etag})
    assert again.status_code == 200
    assert again.json()["ticks"]["complete"]


def test_a_story_is_another_when_a_read_model_is_built_anew(client: TestClient) -> None:
    etag = client.get(f"/decisions/{SIGNAL_ID}").headers["etag"]
    for projection in PROJECTIONS:
        assert f"{projection.name}-v{projection.version};" in etag


@pytest.mark.parametrize(
    ("headers", "query", "form"),
    [
        ({}, "", "application/json"),
        ({"Accept": "text/html,application/json"}, "", "text/html"),
        ({"Accept": "text/plain"}, "", "text/plain"),
        ({"Accept": "text/plain"}, "?format=json", "application/json"),
        ({}, "?format=text", "text/plain"),
        ({}, "?format=html", "text/html"),
    ],
)
def test_a_decision_can_be_read_by_people(
    client: TestClient, headers: dict[str, str], query: str, form: str
) -> None:
    answer = client.get(f"/decisions/{SIGNAL_ID}{query}", headers=headers)
    assert answer.headers["content-type"].split(";")[0] == form
    for said in ("1.1506", "momentum", SIGNAL_ID):
        assert said in answer.text


def test_a_message_is_shown_with_causes_and_effects(
    client: TestClient, told: list[Message[Any]]
) -> None:
    signal = next(m for m in told if type(m.event).__name__ == "SignalRaised")
    answer = client.get(f"/audit/{signal.envelope.message_id}")
    trail = msgspec.json.decode(answer.content, type=Trail, strict=True)
    assert [m["type"] for m in trail.causes] == ["PredictionMade", "FeaturesComputed", "BarClosed"]
    assert trail.cause_position == "market-data-events/0/19"
    assert [m["type"] for m in trail.effects][:2] == ["OpenExecution", "PositionClosed"]
    assert len(trail.effects) == 13


def test_readiness_says_how_far_behind_each_projection_is(
    client: TestClient, tape: MemoryTape
) -> None:
    answer = client.get("/ready")
    ready = msgspec.json.decode(answer.content, type=Ready, strict=True)
    assert ready.ready
    assert {lag.lag_messages for lag in ready.projections} == {0}
    for message in story.placed(story.ticks(first_seq=21, number=3), first_offset=20):
        tape.add(message)
    lags = {lag["name"]: lag["lag_messages"] for lag in client.get("/ready").json()["projections"]}
    assert (lags["ticks"], lags["bars"]) == (3, 0)
    tape.away = True
    assert client.get("/ready").status_code == 503


def test_topics_say_what_can_be_followed(client: TestClient) -> None:
    topics = msgspec.json.decode(client.get("/topics").content, type=Topics, strict=True)
    ticks = next(t for t in topics.items if t.topic == "market-data-events")
    assert [e.next_offset for e in ticks.partitions] == [20, 0]


def test_a_tape_that_is_away_is_said(client: TestClient, tape: MemoryTape) -> None:
    tape.away = True
    for path in ("/topics", "/subscribe?topic=bar-events"):
        answer = client.get(path)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"


def test_tables_that_are_not_built_yet_are_said(postgres: str) -> None:
    config = Config.load({"TAPEDECK_POSTGRES": postgres})
    with TestClient(
        create_app(open_pool(config), MemoryTape(), moments(config), causes())
    ) as client:
        answer = client.get("/orders")
        assert answer.status_code == 503
        assert "not built yet" in answer.json()["detail"]
        assert client.get("/health").json() == {"status": "alive"}


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_the_pages_need_nothing_from_elsewhere(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert "//" not in answer.text.replace("http://www.w3.org/", "").replace("location", "")
