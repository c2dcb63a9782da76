"""What a running copy is seen to do: the pulse over HTTP, the lines, the live screen."""

from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from infra.config import Config
from infra.embedded.process import free_ports
from infra.observe.gauges import lag_messages, memory_mib
from infra.observe.progress import Telling
from infra.up.digits import Prices
from infra.up.pulse import Pulse
from infra.up.roles import metrics_port, workers
from infra.up.run_file import Part, part
from infra.up.screen import Lines, Screen
from tests.infra.stand_in_role import Answers
from tests.infra.up.test_supervisor import until

METRICS = """\
# HELP tapedeck_lag_messages Messages not yet handled
tapedeck_lag_messages{partition="0",role="sagas",topic="signal-events"} 7.0
tapedeck_lag_messages{partition="1",role="sagas",topic="signal-events"} 5.0
tapedeck_handled_total{role="sagas",topic="signal-events"} 900.0
"""


class Metrics(Answers):
    """A role's own metrics."""

    def do_GET(self) -> None:
        """Always the same."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(METRICS.encode())


@pytest.fixture
def config(tmp_path: Path) -> Config:
    settings = {"TAPEDECK_HOME": str(tmp_path), "TAPEDECK_PORT_BASE": str(free_ports(50)[0])}
    return Config.load(settings)


@pytest.fixture
def read_api(config: Config) -> Iterator[None]:
    with served(config.ports.api, Answers):
        yield


class served:
    """A server of canned answers, for the length of a block."""

    def __init__(self, port: int, answers: type[Answers]) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", port), answers)
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_ended: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.mark.usefixtures("read_api")
def test_the_pulse_is_what_the_read_api_says(config: Config) -> None:
    beat = Pulse(config, since_s=0.0).look()
    assert beat.trouble == ""
    assert [tick["symbol"] for tick in beat.ticks] == ["EURUSD"]
    assert len(beat.executions[0]["legs"]) == 3


@pytest.mark.usefixtures("read_api")
def test_what_is_live_for_the_first_time_is_timed_once(config: Config) -> None:
    with Pulse(config, since_s=time.time() - 10.0) as pulse:
        until(lambda: len(pulse.first) == 3)
        seen = dict(pulse.first)
        until(lambda: pulse.beat.rates)
    assert pulse.first == seen
    assert all(after_s >= 10.0 for after_s in seen.values())


@pytest.mark.usefixtures("read_api")
def test_what_was_there_before_is_not_live(config: Config) -> None:
    with Pulse(config, since_s=time.time() + 3600.0) as pulse:
        until(lambda: pulse.beat.ticks)
    assert pulse.first == {}


def test_a_read_api_that_is_away_is_said_and_the_last_beat_stays(config: Config) -> None:
    pulse = Pulse(config, since_s=0.0)
    with served(config.ports.api, Answers):
        pulse.beat = pulse.look()
    away = pulse.look()
    assert away.trouble.startswith("read API: ")
    assert away.ticks == pulse.beat.ticks != ()


def test_the_lag_of_a_role_is_the_sum_over_its_partitions(config: Config) -> None:
    with httpx.Client() as client:
        assert lag_messages(client, config.ports.metrics) is None
        with served(config.ports.metrics, Metrics):
            assert lag_messages(client, config.ports.metrics) == 12


def test_the_memory_of_a_process_is_that_of_its_family() -> None:
    assert 5 < memory_mib(os.getpid()) < 10_000
    assert memory_mib(2**22) == 0


@pytest.mark.usefixtures("read_api")
def test_lines_tell_addresses_first_sights_and_a_summary(
    config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    pulse = Pulse(config, since_s=0.0)
    with Lines(pulse, {"API": config.api}) as lines:
        until(lambda: len(pulse.first) == 3)
        lines.show((part("sagas", os.getpid(), "running"), Part("relay", None, 0.0, "waiting", 2)))
    told = capsys.readouterr().out.splitlines()
    assert told[0] == f"API       {config.api}"
    assert [line.split(":")[0] for line in told[1:4]] == list(pulse.first)
    assert told[4].startswith("0 of 2 at work")
    assert told[4].endswith("EURUSD  buy completed, 3 of 3 legs filled")


@pytest.mark.usefixtures("read_api")
@pytest.mark.parametrize(("width", "height"), [(160, 50), (80, 60), (80, 24), (120, 30)])
def test_the_screen_draws_what_fits(config: Config, width: int, height: int) -> None:
    pulse = Pulse(config, since_s=0.0)
    console = Console(width=width, height=height)
    screen = Screen(pulse, {"API": config.api, "logs": str(config.logs)}, console)
    screen.note("sagas ended; starting it again")
    services = (part(f"service-{n}", os.getpid(), "running") for n in range(15))
    screen.show(
        (*services, part("sagas", os.getpid(), "running"), Part("relay", 9, 0, "waiting", 2))
    )
    pulse.beat = pulse.look()
    text = _drawn(screen, console)
    for expected in ("sagas", "starting", "waiting", "EURUSD", "up 0.700", config.api):
        assert expected in text
    assert "90003 filled 0.10 lots at 1.10000" in text
    assert "1.10000  1.20003" in text
    assert ("service-3" in text) == (height != 24)
    assert "sagas ended; starting it again" in text
    assert "15 of 17 at work" in text
    lines = text.splitlines()
    assert len(lines) < height
    assert max(map(len, lines)) <= width


def test_while_it_starts_nothing_is_called_ready_and_nothing_is_alarming(config: Config) -> None:
    pulse = Pulse(config, since_s=0.0)
    console = Console(width=80, height=24)
    screen = Screen(pulse, {"API": config.api}, console)
    screen.show((part("sagas", os.getpid(), "running"),))
    pulse.beat = pulse.look()
    text = _drawn(screen, console)
    assert "0 of 1 at work" in text
    assert "the read API is starting" in text
    assert "refused" not in text


@pytest.mark.usefixtures("read_api")
def test_a_role_works_once_its_metrics_say_so_and_anew_after_a_restart(config: Config) -> None:
    port = next(metrics_port(config, role) for role in workers(config) if role.name == "sagas")
    with Pulse(config, since_s=0.0) as pulse, served(port, Metrics):
        sagas = part("sagas", os.getpid(), "running")
        pulse.parts = (sagas,)
        until(lambda: pulse.state(sagas) == "running")
    assert pulse.state(part("sagas", os.getppid(), "running")) == "starting"


@pytest.mark.parametrize(
    ("seen", "price", "shown"),
    [
        ((1.1, 1.10003), 1.1, "1.10000"),
        ((149.12300000000002, 149.2), "149.13000000", "149.130"),
        ((), "1.10000000", "1.1"),
        ((2400.0, 2401.5), 2400.0, "2400.0"),
    ],
)
def test_a_price_has_the_digits_of_its_symbol(
    seen: tuple[float, ...], price: float | str, shown: str
) -> None:
    prices = Prices()
    if seen:
        prices.see("X", *seen)
    assert prices.text("X", price) == shown


def test_a_line_under_way_counts_on_a_terminal_and_gives_way_to_the_next() -> None:
    terminal = Terminal()
    with Telling(terminal) as say:
        say("starting Kafka …")
        until(lambda: "starting Kafka … 0 s" in terminal.getvalue())
        say("Kafka answers after 0.1 s")
    assert terminal.getvalue().endswith("\r\x1b[2KKafka answers after 0.1 s\n")


def test_lines_under_way_are_plain_where_nobody_watches() -> None:
    plain = io.StringIO()
    with Telling(plain) as say:
        say("starting Kafka …")
        say("Kafka answers after 0.1 s")
    assert plain.getvalue() == "starting Kafka …\nKafka answers after 0.1 s\n"


class Terminal(io.StringIO):
    """Somewhere a person looks."""

    def isatty(self) -> bool:
        return True


def _drawn(screen: Screen, console: Console) -> str:
    with console.capture() as drawn:
        console.print(screen.draw())
    return drawn.get()
