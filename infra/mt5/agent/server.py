"""The agent's door: calls in from gRPC, one by one to the terminal's owner, replies out.

Handlers wait for the worker no longer than their callers do, and more of them may run than calls
may wait: so a terminal that hangs keeps nobody from asking how the agent is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event, Thread
from time import monotonic
from typing import Any, TypeVar

import msgspec

from infra.mt5 import constants as mt5
from infra.mt5 import wire
from infra.mt5.agent import contract
from infra.mt5.agent.contract import Answered, Asked, Foreseen, Greeting, Hello, Pulse
from infra.mt5.agent.keys import PLATFORM, Keys, keeper_name
from infra.mt5.agent.lanes import LANE_OF, Lane
from infra.mt5.agent.owner import LateError, Owner
from infra.mt5.agent.tls import grpc, let_in, served
from infra.mt5.agent.worker import Worker
from infra.mt5.link import CallError
from infra.mt5.recovery import Recovery, of_error

WAITING_MAX = 32
"""In each lane: whoever floods one keeps nobody out of the others."""
HANDLERS = WAITING_MAX * len(Lane) + 16
HEARTBEAT_S, HEARTBEAT_LIMIT_S = 30.0, 10.0
STOP_S = 1.0

M = TypeVar("M")
log = logging.getLogger(__name__)


class AgentServer:
    """Serves an owner's terminal until `close`."""

    def __init__(
        self,
        owner: Owner,
        login: int,
        keys: Keys,
        address: str = "127.0.0.1:0",
        heartbeat_s: float = HEARTBEAT_S,
    ) -> None:
        self.epoch = contract.drawn_epoch(login)
        self._owner = owner
        self._login = login
        self._served = self._sent = 0
        self._spent = False
        self._worker = Worker(f"terminal-{login}")
        self._closing = Event()
        self._server = grpc.server(
            ThreadPoolExecutor(HANDLERS, thread_name_prefix="agent"), options=contract.SERVED
        )
        self._server.add_generic_rpc_handlers((self._handlers(),))
        host = address.rpartition(":")[0]
        self.address = f"{host}:{self._server.add_secure_port(address, served(keys))}"
        self._server.start()
        Thread(target=self._beat, args=(heartbeat_s,), name="heartbeat", daemon=True).start()

    def close(self) -> None:
        """Take no more calls, end those in progress, let the terminal go."""
        self._closing.set()
        self._server.stop(STOP_S).wait()
        self._worker.submit(Lane.TRADE, "shutdown", monotonic() + STOP_S, self._owner.close)
        self._worker.close()

    def _handlers(self) -> Any:
        functions = {name: self._function(name) for name in contract.FUNCTIONS}
        calls = {**functions, contract.HELLO: self._hello, contract.AHEAD: self._ahead}
        handlers = {name: let_in(handler, PLATFORM) for name, handler in calls.items()}
        mine = (PLATFORM, keeper_name(self._login))
        handlers[contract.PULSE] = let_in(self._pulse, *mine)
        methods = {
            name: grpc.unary_unary_rpc_method_handler(handler) for name, handler in handlers.items()
        }
        return grpc.method_handlers_generic_handler(contract.SERVICE, methods)

    def _hello(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        hello = _read(request, Hello, context)
        if hello.version != contract.VERSION:
            mine = f"this agent speaks contract {contract.VERSION}, not {hello.version}"
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, mine)
        if hello.login != self._login:
            mine = f"this agent's account is {self._login}, not {hello.login}"
            context.abort(grpc.StatusCode.PERMISSION_DENIED, mine)
        return msgspec.msgpack.encode(Greeting(contract.VERSION, self._login, self.epoch))

    def _pulse(self, _request: bytes, _context: grpc.ServicerContext) -> bytes:
        running = self._worker.running
        pulse = Pulse(
            self.epoch,
            self._login,
            running.name,
            running.overdue_s(),
            self._worker.waiting(),
            self._served,
            self._owner.identity,
            self._owner.trouble,
            self._spent,
            self._sent,
            self._worker.waited_s[Lane.TRADE],
        )
        return msgspec.msgpack.encode(pulse)

    def _function(self, function: str) -> Callable[[bytes, Any], bytes]:
        lane = LANE_OF[function]

        def handle(request: bytes, context: grpc.ServicerContext) -> bytes:
            asked = _read(request, Asked, context)
            until_s = _until_s(context)
            if refused := self._refused(lane, asked.epoch, asked.number):
                return msgspec.msgpack.encode(refused[0])
            job = self._worker.submit(
                lane, function, until_s, lambda: self._answered(function, asked, until_s)
            )
            return msgspec.msgpack.encode(_awaited(job, until_s, context))

        return handle

    def _ahead(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        foreseen = _read(request, Foreseen, context)
        until_s = _until_s(context)
        lane = LANE_OF[contract.AHEAD]
        if refused := self._refused(lane, foreseen.epoch, *(n for n, *_ in foreseen.calls)):
            return msgspec.msgpack.encode(refused)
        if any(function not in contract.READS for _number, function, _given in foreseen.calls):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "only reads can be asked ahead")
        job = self._worker.submit(
            lane, contract.AHEAD, until_s, lambda: self._answered_ahead(foreseen, until_s)
        )
        return msgspec.msgpack.encode(_awaited(job, until_s, context))

    def _refused(self, lane: Lane, epoch: str, *numbers: int) -> list[Answered]:
        """What is said to calls that cannot even wait for the terminal; nothing: they may."""
        if lost := epoch != self.epoch:
            why = "the agent was replaced"
        elif self._worker.waiting(lane) >= WAITING_MAX:
            why = f"{WAITING_MAX} calls wait in the {lane.name.lower()} lane already"
        else:
            return []
        code, text = mt5.RES_E_INTERNAL_FAIL_SEND, f"IPC send failed: {why}"
        return [self._signed(contract.failed(n, code, text, lost=lost)) for n in numbers]

    def _answered_ahead(self, foreseen: Foreseen, until_s: float) -> list[Answered]:
        asked = [
            (function, Asked(foreseen.epoch, number, given))
            for number, function, given in foreseen.calls
        ]
        self._owner.foresee(
            tuple((name, *wire.arguments_of(name, each.arguments)) for name, each in asked)
        )
        return [self._answered(function, each, until_s) for function, each in asked]

    def _answered(self, function: str, asked: Asked, until_s: float) -> Answered:
        """In the worker's thread: the reply to a call, whatever becomes of it."""
        if monotonic() >= until_s:
            raise LateError
        try:
            arguments = wire.arguments_of(function, asked.arguments)
            value = self._owner.answer(function, arguments, asked.identity, until_s)
            self._served += 1
            self._sent += function == "order_send"
            return self._signed(contract.done(asked.number, value))
        except CallError as error:
            self._spent |= of_error(error.code) is Recovery.RESTART
            return self._signed(contract.failed(asked.number, error.code, error.text))

    def _signed(self, answered: Answered) -> Answered:
        return msgspec.structs.replace(answered, epoch=self.epoch)

    def _beat(self, every_s: float) -> None:
        while not self._closing.wait(every_s):
            if self._worker.waiting(Lane.HEALTH) == 0:
                until_s = monotonic() + HEARTBEAT_LIMIT_S
                self._worker.submit(Lane.HEALTH, "heartbeat", until_s, self._owner.look)


def _read(request: bytes, kind: type[M], context: grpc.ServicerContext) -> M:
    try:
        return msgspec.msgpack.decode(request, type=kind)
    except msgspec.MsgspecError as error:
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"not a {kind.__name__}: {error}")
        raise


def _until_s(context: grpc.ServicerContext) -> float:
    left_s = context.time_remaining()
    if left_s is None or left_s > contract.DEADLINE_MAX_S:
        context.abort(
            grpc.StatusCode.INVALID_ARGUMENT,
            f"every call has a deadline, of at most {contract.DEADLINE_MAX_S:g} s",
        )
    return monotonic() + float(left_s)


def _awaited(job: Future[M], until_s: float, context: grpc.ServicerContext) -> M:
    """The job's result; a caller whose deadline passes is told nothing that he could believe."""
    try:
        return job.result(max(0.0, until_s - monotonic()))
    except (TimeoutError, LateError):
        context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "the terminal did not answer in time")
        raise
    except wire.FrameError as error:
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        raise
    except Exception as error:
        log.exception("a call failed as none should")
        context.abort(grpc.StatusCode.INTERNAL, f"{type(error).__name__}: {error}")
        raise
