"""Reading what one has written: an answer to a receipt knows what followed from it, or says so.

Which endpoints there are is read from the OpenAPI document: a new one is included by being there.
"""

from __future__ import annotations

import argparse
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from commands.accounts import HaltAccount
from infra.asof.causes import causes
from infra.asof.moments import Moments
from infra.bench.streams import predictions
from infra.cli import account as cli_account
from infra.config import Config
from infra.rebuild import drill
from infra.rebuild.rebuilding import rebuild, roll_back
from infra.run import commands, projections, relay
from infra.run.read_api import open_pool
from infra.stream import kafka
from infra.stream.reader import TapeReader
from infra.stream.schema_ids import SchemaIds
from projections.audit import PROJECTION as AUDIT
from read_api import asof
from read_api.app import create_app
from read_api.receipts import PARAMETER, WAIT
from tests.infra.asof.test_as_of import POSITION, paths
from tests.infra.at_work import running, until
from tests.infra.rebuild.test_rebuild import audited
from tests.infra.tape_writer import write
from tests.orders import account_commands, said
from tests.projections.story import told
from tests.read_api.conftest import TestClient

ACCOUNT = "90001"
TIMES = 5


@pytest.fixture
def tape(config: Config) -> Config:
    kafka.ensure_topics(config)
    return config


@pytest.fixture
def client(tape: Config) -> Iterator[TestClient]:
    ids = SchemaIds(tape)
    moments = Moments(tape, ids)
    app = create_app(open_pool(tape), TapeReader(tape, ids), moments, causes())
    with TestClient(app) as client:
        yield client


def test_every_answer_knows_what_is_asked_for_or_says_that_it_is_behind(
    tape: Config, client: TestClient
) -> None:
    ids = SchemaIds(tape)
    with running(projections.run, tape):
        write(tape, ids, told())
        until(lambda: folded(client, end_of(tape)))
        asked = list(paths(client))
    write(tape, ids, told("GBPUSD", 1))
    least = end_of(tape)
    for path in asked:
        stood = client.get(path).headers[POSITION]
        late = client.get(path, params={PARAMETER: least, WAIT: "50"})
        assert late.status_code == 503, (path, late.text)
        assert late.json()["type"].endswith("problem-behind")
        assert late.headers["Retry-After"] == "1"
        assert late.headers[POSITION] in stood
        assert "stands at" in late.json()["detail"]
        assert client.get(path, params={PARAMETER: stood, WAIT: "0"}).status_code == 200
    with ThreadPoolExecutor(len(asked)) as pool:
        waiting = [
            pool.submit(client.get, path, params={PARAMETER: least, WAIT: "10000"})
            for path in asked
        ]
        with running(projections.run, tape):
            answers = [each.result() for each in waiting]
    for path, answer in zip(asked, answers, strict=True):
        assert answer.status_code == 200, (path, answer.text)
        assert reached(answer.headers[POSITION], least), path
    assert len(asked) > 20


def test_a_command_s_receipt_shows_what_was_decided(
    tape: Config, client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tape, SchemaIds(tape), [said(c, n) for n, c in enumerate(account_commands(ACCOUNT))])
    with running(commands.run, tape), running(relay.run, tape), running(projections.run, tape):
        for time_no in range(TIMES):
            wish, state = ("resume", "trading") if time_no % 2 else ("halt", "halted")
            place = receipt(tape, capsys, wish, "news")
            answer = client.get(f"/accounts/{ACCOUNT}", params={PARAMETER: place})
            assert answer.status_code == 200, answer.text
            assert answer.json()["state"] == state
            again = client.get(f"/accounts/{ACCOUNT}", params={PARAMETER: place, WAIT: "0"})
            assert again.status_code == 200, "what was found out is remembered"
        message = client.get("/audit", params={PARAMETER: place, "type": "HaltAccount"}).json()
        (newest, *_) = message["items"]
        by_id = client.get("/accounts", params={PARAMETER: newest["message_id"]})
        assert [each["state"] for each in by_id.json()["items"]] == ["halted"]


def test_a_receipt_waits_for_each_of_those_who_come_between(
    tape: Config, client: TestClient
) -> None:
    """Deciders, relay and read model begin one after the other; nobody answers before the last."""
    with running(projections.run, tape):
        until(lambda: client.get("/accounts").status_code == 200)
    halt = HaltAccount(account=ACCOUNT, reason="news")
    commanded = [*account_commands(ACCOUNT), halt]
    (*_, halted) = write(tape, SchemaIds(tape), [said(c, n) for n, c in enumerate(commanded)])
    asked = {PARAMETER: str(halted.position), WAIT: "100"}
    late = client.get("/accounts", params=asked)
    assert (late.status_code, "is not decided yet" in late.text) == (503, True), late.text
    with running(commands.run, tape):
        until(lambda: "is not on the tape yet" in client.get("/accounts", params=asked).text)
    with running(relay.run, tape):
        until(lambda: "stands at" in client.get("/accounts", params=asked).text)
    with running(projections.run, tape):
        answer = client.get("/accounts", params={**asked, WAIT: "10000"})
    assert answer.status_code == 200, answer.text
    states = {each["account"]: each["state"] for each in answer.json()["items"]}
    assert states[ACCOUNT] == "halted"


def test_who_reads_what_he_has_written_notices_no_rebuild(tape: Config, client: TestClient) -> None:
    ids, made = SchemaIds(tape), predictions(1_000_000)
    answered: list[int] = []

    def ask(stop: threading.Event) -> None:
        while not stop.is_set():
            (written,) = write(tape, ids, [next(made)])
            name = written.envelope.message_id
            answer = client.get(f"/audit/{name}", params={PARAMETER: str(written.position)})
            assert answer.status_code == 200, answer.text
            answered.append(1)

    with running(audited, tape):
        write(tape, ids, [next(made)])
        until(lambda: client.get("/audit").status_code == 200)
        with running(ask):
            for _ in range(2):
                before = len(answered)
                rebuild(tape, AUDIT, print, afresh=False, differing=False)
                roll_back(tape, AUDIT, print)
                until(lambda: len(answered) > before + 5)  # noqa: B023


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({PARAMETER: "yesterday"}, "give `Tapedeck-Position` of an answer"),
        ({PARAMETER: "2026-03-19T08:00:00Z"}, "give `Tapedeck-Position` of an answer"),
        ({PARAMETER: "order-events=0"}, "min_position: 'order-events=0' is no position"),
        ({PARAMETER: "order-events/9/0"}, "there is no order-events/9"),
        ({PARAMETER: "no-such-topic=0:1"}, "there is no no-such-topic/0"),
        ({PARAMETER: "order-events/0/\x00"}, "holds a NUL"),
        ({PARAMETER: "order-events=0:7", WAIT: "0"}, "beyond the tape: order-events/0 ends at 0"),
        ({PARAMETER: "order-events/0/0", WAIT: "soon"}, "give milliseconds, 0 to 10000"),
        ({PARAMETER: "order-events/0/0", WAIT: "10001"}, "give milliseconds, 0 to 10000"),
        ({PARAMETER: "order-events/0/0", WAIT: "-1"}, "give milliseconds, 0 to 10000"),
        ({WAIT: "5"}, "give that too"),
        ({PARAMETER: "order-events=0:0", asof.PARAMETER: "0"}, "not both"),
    ],
)
def test_what_makes_no_sense_is_told(
    tape: Config, client: TestClient, asked: dict[str, str], why: str
) -> None:
    with running(projections.run, tape):
        until(lambda: client.get("/orders").status_code == 200)
    refused = client.get("/orders", params=asked)
    assert refused.status_code == 422, refused.text
    assert why in refused.json()["detail"]


def test_a_message_that_nobody_has_heard_of_is_waited_for(tape: Config, client: TestClient) -> None:
    with running(projections.run, tape):
        until(lambda: client.get("/orders").status_code == 200)
    nobody = "00000000-0000-5000-8000-000000000000"
    late = client.get("/orders", params={PARAMETER: nobody, WAIT: "100"})
    assert late.status_code == 503
    assert "not known here yet; a tick is named by its place" in late.json()["detail"]


def receipt(config: Config, capsys: pytest.CaptureFixture[str], *wish: str) -> str:
    """What `tapedeck account` prints of where the command stands."""
    parser = argparse.ArgumentParser()
    cli_account.configure(parser)
    assert cli_account.main(config, parser.parse_args([ACCOUNT, *wish])) == 0
    found = re.search(rf"\?{PARAMETER}=(\S+)", capsys.readouterr().out)
    assert found is not None
    return found[1]


def end_of(config: Config) -> str:
    """Where the tape ends, in the form of `Tapedeck-Position`."""
    client = kafka.consumer(config, "test")
    try:
        topics = causes().partitions
        return ";".join(
            f"{topic}="
            + ",".join(
                f"{n}:{kafka.bounds(client, kafka.topic_name(config, topic), n)[1]}"
                for n in range(topics[topic])
            )
            for topic in topics
        )
    finally:
        client.close()


def folded(client: TestClient, position: str) -> bool:
    """Whether the audit trail, and the latest ticks, have gone so far."""
    return all(
        (answer := client.get(path)).status_code == 200
        and reached(answer.headers[POSITION], position)
        for path in ("/audit", "/ticks", "/accounts")
    )


def reached(position: str, least: str) -> bool:
    """Whether a position is nowhere below another, in what it names."""
    wanted, found = drill.places(least), drill.places(position)
    named = {place.rpartition(":")[2]: offset for place, offset in found.items()}
    return bool(named) and all(offset >= wanted[place] for place, offset in named.items())
