"""uvicorn's HTTP protocol, and an end to connections whose request never comes.

uvicorn bounds the wait for a further request, but neither for the first one nor for headers that
have begun: whoever opens connections and says little would hold them for ever.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

REQUEST_WITHIN_S = 10.0


class Impatient(AutoHTTPProtocol):  # type: ignore[misc,valid-type]
    """Closes a connection on which nothing is asked or answered between one look and the next."""

    request_within_s = REQUEST_WITHIN_S

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to look."""
        super().connection_made(transport)
        self._look_after(None)

    def _look_after(self, seen: Any) -> None:
        self.loop.call_later(self.request_within_s, self._look, seen)

    def _look(self, seen: Any) -> None:
        if self.transport.is_closing() or self.transport.get_protocol() is not self:
            return  # gone, or a WebSocket by now
        answering = self.cycle is not None and not self.cycle.response_complete
        if answering or self.cycle is not seen:
            self._look_after(self.cycle)
        else:
            self.transport.close()
