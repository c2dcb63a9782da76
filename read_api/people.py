"""What people said is sealed on the tape; here, where people read it, it is opened as it goes out.

One place for all answers: a new endpoint cannot forget it. Whoever was erased is told as erased.
"""

from __future__ import annotations

import json
import re
from typing import Protocol
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

WORD = re.compile(rb"sealed:[0-9a-f]{16}:[A-Za-z0-9_-]{22,}")
ACTOR, OPERATOR = "actor", "operator/"


class People(Protocol):
    """The port; `infra/subjects/register.py` is the implementation."""

    def opened(self, text: str) -> str:
        """Text with its sealed words opened, or what is told instead of them."""

    def sealed(self, name: str) -> str:
        """How the tape writes somebody's name; the name if nobody here is called so."""


class Strangers:
    """Nobody is known: sealed words are answered as they are."""

    def opened(self, text: str) -> str:
        """As it is."""
        return text

    def sealed(self, name: str) -> str:
        """As it is."""
        return name


class Readable:
    """Opens what goes out over HTTP, as a stream of events, or through a socket."""

    def __init__(self, app: ASGIApp, people: People) -> None:
        self._app = app
        self._people = people

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; the head of an answer of known length waits until its length is known again."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        scope["query_string"] = self._asked(scope["query_string"])
        waiting: list[Message] = []

        async def told(message: Message) -> None:
            match message["type"]:
                case "http.response.start" if "content-length" in MutableHeaders(scope=message):
                    waiting.append(message)
                    return
                case "http.response.body":
                    message = {**message, "body": self._opened(message.get("body", b""))}
                    if waiting:
                        length = str(len(message["body"]))
                        MutableHeaders(scope=waiting[0])["content-length"] = length
                        await send(waiting.pop())
                case "websocket.send" if message.get("text"):
                    text = self._opened(message["text"].encode()).decode()
                    message = {**message, "text": text}
            await send(message)

        await self._app(scope, receive, told)

    def _opened(self, body: bytes) -> bytes:
        """Every sealed word of a JSON text, as JSON has it."""
        if b"sealed:" not in body:
            return body
        return WORD.sub(lambda word: self._plain(word[0].decode()), body)

    def _plain(self, word: str) -> bytes:
        return json.dumps(self._people.opened(word))[1:-1].encode()

    def _asked(self, query: bytes) -> bytes:
        """Who asks for an actor by name means the word that the tape has for it."""
        if b"actor=" not in query:
            return query
        asked = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
        return urlencode([(name, self._meant(name, value)) for name, value in asked]).encode()

    def _meant(self, name: str, value: str) -> str:
        if name != ACTOR or not value.startswith(OPERATOR):
            return value
        return OPERATOR + self._people.sealed(value.removeprefix(OPERATOR))
