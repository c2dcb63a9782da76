"""An agent whose terminal hangs, is another's, is asked too much; and its callers."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any
from unittest.mock import patch

import msgspec
import pytest

from infra.mt5 import arguments, wire
from infra.mt5 import constants as mt5
from infra.mt5.agent import contract
from infra.mt5.agent.client import AgentTerminal
from infra.mt5.agent.contract import Asked, Foreseen, Hello
from infra.mt5.agent.server import WAITING_MAX, AgentServer
from infra.mt5.agent.tls import grpc
from tests.infra.mt5 import worlds
from tests.infra.mt5.agent.issued import platform_keys
from tests.infra.mt5.agent.stand import Stage, agent, caller, pulse
from tests.infra.mt5.worlds import LOGIN

LIMIT_S = 30.0
SELECT = msgspec.Raw(wire.packed(("EURUSD", True)))


def raw(server: AgentServer, method: str, request: Any, limit_s: float | None = 5.0) -> bytes:
    """What the agent answers to words that no caller of ours would say."""
    credentials = grpc.ssl_channel_credentials(
        platform_keys().root, platform_keys().key, platform_keys().certificate
    )
    named = (("grpc.ssl_target_name_override", f"agent-{LOGIN}"),)
    with grpc.secure_channel(server.address, credentials, named) as channel:
        packed = request if isinstance(request, bytes) else msgspec.msgpack.encode(request)
        answer: bytes = channel.unary_unary(contract.method(method))(packed, timeout=limit_s)
        return answer


def test_a_call_that_hangs_breaks_its_link_and_hides_nothing(
    server: AgentServer, terminal: Stage
) -> None:
    with caller(server, deadline_s=1.0) as client:
        assert client.initialize()
        terminal.hold_at = "order_send"
        assert client.order_send(worlds.deal(client)) is None
        assert client.last_error()[0] == mt5.RES_E_INTERNAL_FAIL_RECEIVE
        assert client.account_info() is None
        assert client.last_error()[0] == mt5.RES_E_INTERNAL_FAIL_CONNECT
        time.sleep(0.1)
        hanging = pulse(server)
        assert hanging.function == "order_send"
        assert hanging.overdue_s > 0.0


def test_a_caller_without_a_link_learns_which_life_of_the_agent_is_well(terminal: Stage) -> None:
    always = patch("infra.mt5.agent.client.LIFE_EVERY_S", 0.0)
    with always, agent(terminal) as first, caller(first) as client:
        assert client.life() == first.epoch
        with caller(first, deadline_s=0.3) as hasty:
            assert hasty.initialize()
            terminal.hold_at = "account_info"
            assert hasty.account_info() is None
        time.sleep(0.1)
        assert client.life() == "", "it hangs"
        terminal.go_on.set()
        first.close()
        assert client.life() == "", "it is gone"


@pytest.mark.parametrize("function", ["order_send", "symbol_info_tick"])
def test_a_call_that_waited_past_its_deadline_is_not_begun(
    server: AgentServer, client: AgentTerminal, terminal: Stage, function: str
) -> None:
    with caller(server, deadline_s=0.5) as hasty:
        assert hasty.initialize()
        given = worlds.deal(hasty) if function == "order_send" else "EURUSD"
        terminal.called.clear()
        terminal.hold_at = "version"
        waiting = threading.Thread(target=client.version)
        waiting.start()
        assert terminal.held.wait(LIMIT_S)
        assert getattr(hasty, function)(given) is None
        terminal.go_on.set()
        waiting.join()
    assert client.positions_get() == ()
    assert function not in terminal.called


def test_a_late_reply_is_nobodys_answer(server: AgentServer, terminal: Stage) -> None:
    with caller(server, deadline_s=0.5) as client:
        assert client.initialize()
        terminal.hold_at = "symbols_total"
        assert client.symbols_total() is None
        terminal.hold_at = ""
        terminal.go_on.set()
        assert client.initialize()
        info = client.account_info()
        assert info is not None
        assert info.login == LOGIN


def test_a_reply_to_another_call_is_not_taken_for_ones_own(
    client: AgentTerminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = contract.done
    monkeypatch.setattr(contract, "done", lambda number, value: right(number + 1, value))
    assert client.symbols_total() is None
    assert client.last_error()[0] == mt5.RES_E_INTERNAL_FAIL
    assert client.symbols_total() is None
    assert client.last_error()[0] == mt5.RES_E_INTERNAL_FAIL_CONNECT


def test_a_reply_of_another_agent_is_not_taken(
    client: AgentTerminal, server: AgentServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = server.epoch
    another = contract.drawn_epoch(LOGIN + 1)
    monkeypatch.setattr(server, "_signed", lambda a: msgspec.structs.replace(a, epoch=another))
    assert client.symbols_total() is None
    code, text = client.last_error()
    assert code == mt5.RES_E_INTERNAL_FAIL
    assert another in text
    assert mine in text


def test_twenty_threads_each_get_their_own_answers(server: AgentServer) -> None:
    failures: list[str] = []

    def trade(number: int) -> None:
        with caller(server) as client:
            if not client.initialize():
                failures.append(f"{number}: {client.last_error()}")
                return
            for _ in range(5):
                client.ahead(("terminal_info",), ("symbol_info_tick", "EURUSD"))
                client.terminal_info()
                result = client.order_send(worlds.deal(client, volume=0.01, magic=number))
                if result is None or result.request.magic != number:
                    failures.append(f"{number}: {result} {client.last_error()}")
                elif {p.magic for p in client.positions_get(ticket=result.order) or ()} != {number}:
                    failures.append(f"{number}: {result.order} is another's")

    threads = [threading.Thread(target=trade, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with caller(server) as client:
        assert client.initialize()
        magics = [position.magic for position in client.positions_get() or ()]
        assert sorted(magics) == sorted(list(range(20)) * 5)


def test_a_send_that_names_no_terminal_is_refused(
    server: AgentServer, client: AgentTerminal, terminal: Stage
) -> None:
    parsed = arguments.request(worlds.deal(client), {})
    asked = Asked(server.epoch, 7, msgspec.Raw(wire.packed((parsed,))))
    answered = msgspec.msgpack.decode(raw(server, "order_send", asked))
    assert answered[:2] == [7, mt5.RES_E_AUTH_FAILED]
    assert "order_send" not in terminal.called


def test_a_replaced_agent_takes_no_calls_for_the_one_before(terminal: Stage) -> None:
    with agent(terminal) as server, caller(server) as client:
        assert client.initialize()
        request = worlds.deal(client)
        server.epoch = "the next agent's"
        assert client.order_send(request) is None
        assert client.last_error()[0] == mt5.RES_E_INTERNAL_FAIL_SEND
        assert client.positions_get() is None
        assert client.last_error()[0] == mt5.RES_E_INTERNAL_FAIL_CONNECT
        assert client.initialize()
        assert client.positions_get() == ()


def test_what_cannot_wait_is_refused_and_the_rest_is_served(
    server: AgentServer, client: AgentTerminal, terminal: Stage
) -> None:
    terminal.hold_at = "version"
    waiting = [threading.Thread(target=client.version) for _ in range(WAITING_MAX + 1)]
    waiting[0].start()
    assert terminal.held.wait(LIMIT_S)
    for thread in waiting[1:]:
        thread.start()
    until_s = time.monotonic() + LIMIT_S
    while pulse(server).waiting < WAITING_MAX:
        assert time.monotonic() < until_s
        time.sleep(0.02)
    with caller(server) as late:
        assert late.initialize() is False
        assert late.last_error()[0] == mt5.RES_E_INTERNAL_FAIL_SEND
    terminal.go_on.set()
    for thread in waiting:
        thread.join()
    assert client.version() is not None


def test_another_version_of_the_contract_is_refused_by_both(
    server: AgentServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        raw(server, contract.HELLO, Hello(contract.VERSION + 1, LOGIN))
    assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    monkeypatch.setattr(contract, "SERVICE", "tapedeck.terminal.v2.Terminal")
    with caller(server) as client:
        assert client.initialize() is False
        assert client.last_error()[0] == mt5.RES_E_INVALID_VERSION


@pytest.mark.parametrize(
    ("method", "request_", "limit_s"),
    [
        ("version", b"\xc1", 5.0),
        ("version", Asked("EPOCH", 1, msgspec.Raw(b"\x91\x01")), 5.0),
        ("version", Asked("EPOCH", 1, msgspec.Raw(b"\x90")), None),
        ("version", Asked("EPOCH", 1, msgspec.Raw(b"\x90")), 3600.0),
        (contract.AHEAD, Foreseen("EPOCH", ((1, "symbol_select", SELECT),)), 5.0),
        (contract.AHEAD, Foreseen("EPOCH", ((1, "nonsense", msgspec.Raw(b"\x90")),)), 5.0),
        (contract.HELLO, b"", 5.0),
    ],
)
def test_nonsense_is_refused_and_harms_nobody(
    server: AgentServer, client: AgentTerminal, method: str, request_: Any, limit_s: float | None
) -> None:
    if isinstance(request_, Asked | Foreseen):
        request_ = msgspec.structs.replace(request_, epoch=server.epoch)
    with pytest.raises(grpc.RpcError) as refused:
        raw(server, method, request_, limit_s)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert client.account_info() is not None


def test_a_request_as_large_as_an_answer_is_not_even_read(
    server: AgentServer, client: AgentTerminal
) -> None:
    for method in (contract.PULSE, contract.HELLO, "order_send"):
        with pytest.raises(grpc.RpcError) as refused:
            raw(server, method, b"x" * (wire.REQUEST_BYTES_MAX + 1), 5.0)
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert client.account_info() is not None


@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01\x40\x00\x01"])
def test_who_shows_no_certificate_is_hung_up_on(server: AgentServer, said: bytes) -> None:
    """Or a thousand that say nothing would leave no room for those who have one."""
    host, _, port = server.address.rpartition(":")
    with socket.create_connection((host, int(port)), LIMIT_S) as stranger:
        stranger.sendall(said)
        assert stranger.recv(1) == b""


def test_an_error_inside_the_package_proves_nothing(client: AgentTerminal, terminal: Stage) -> None:
    def raising(_value: object) -> None:
        raise SystemError("returned a result with an exception set")

    request = worlds.deal(client)
    terminal.answers["order_send"] = raising
    assert client.order_send(request) is None
    assert client.last_error()[0] == mt5.RES_E_INTERNAL_FAIL_RECEIVE
    assert client.initialize()
    assert len(client.positions_get() or ()) == 1
