"""A bridge in its own process, to be killed: `python -m tests.infra.bridging`."""

from __future__ import annotations

import os
import threading

from infra.config import Config
from infra.mt5.accounts import login_of
from infra.mt5.remote import RemoteTerminal
from infra.run.bridge import bridge
from tests.infra.counting import FixedIds

if __name__ == "__main__":
    config = Config.load(os.environ)
    account = config.accounts[0]
    terminal = RemoteTerminal(config.venue, account)
    bridge(config, terminal, login_of(account), FixedIds(), threading.Event())
