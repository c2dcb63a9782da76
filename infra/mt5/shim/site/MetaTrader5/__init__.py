"""What a program finds under the vendor's name when `tapedeck mt5 shim` runs it."""

import os as _os

from infra.mt5.shim import broker_of as _broker_of
from infra.mt5.shim import told as _told
from infra.mt5.shim.module import contents as _contents
from infra.mt5.simulator.terminal import simulated_terminal as _simulated_terminal

_options = _told(_os.environ)
globals().update(_contents(_simulated_terminal(_broker_of(_options), _options.logins[0])))
