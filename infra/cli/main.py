"""The `tapedeck` command, the one place where everything is put together.

A command is a module with `configure(parser)` and `main(config, arguments) -> int`, imported only
when it is asked for.
"""

from __future__ import annotations

import errno
import os
import sys
from dataclasses import dataclass
from importlib import import_module

from infra.cli.parser import Parser
from infra.config import Config, ConfigError, without_password
from infra.embedded.process import ServiceError
from infra.settings import PREFIX

USAGE_ERROR = 2
INTERRUPTED = 130
UP = "up"
OF_A_TAPE = {"projections", "dlq", "erase", "play", "train", "replay", "whatif", "fork"}
"""Another copy's tape may answer where ours would be."""
PORTS = PREFIX + "PORT_"
OF_FILES = {
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EEXIST,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENAMETOOLONG,
    errno.ENOSPC,
    errno.EDQUOT,
}
"""What the system says of a file or a disk is for whoever gave the file; the rest is a fault."""


@dataclass(frozen=True, slots=True)
class Command:
    """A subcommand: its module and one line of help."""

    name: str
    module: str
    summary: str


COMMANDS: tuple[Command, ...] = (
    Command(UP, "infra.cli.up", "start everything on this machine and show it"),
    Command("down", "infra.cli.down", "stop what `up` started and wait until it is gone"),
    Command("status", "infra.cli.status", "say what runs; exit 0 only if all of it does"),
    Command("run", "infra.cli.run", "run one role alone: venue, bridge, processor features ..."),
    Command("bootstrap", "infra.cli.bootstrap", "topics, schemas, accounts, limits, first model"),
    Command("account", "infra.cli.account", "how an account stands; halt, resume, set its limits"),
    Command("projections", "infra.cli.projections", "read models: rebuild one, or roll it back"),
    Command("dlq", "infra.cli.dlq", "records that nobody could use: release or discard them"),
    Command("erase", "infra.cli.erase", "close for ever what a person was called and has typed"),
    Command("play", "infra.feed.play", "put recorded ticks on the tape"),
    Command("train", "infra.models.training", "build the model from the tape"),
    Command("replay", "infra.replay", "recompute the tape and compare it bit for bit"),
    Command("whatif", "infra.whatif", "the same tape under another model, limits, accounts"),
    Command("fork", "infra.fork", "a copy of the tape up to a position, to play with"),
    Command("mt5", "infra.cli.mt5", "run programs on the simulator; doctor, certify, record"),
    Command("audit", "infra.cli.audit", "keys and proofs; has anybody changed the tape?"),
    Command("drill", "infra.cli.drill", "lies that must be found, a rebuild under readers"),
    Command("verify", "infra.verify", "run a platform, kill parts of it, check the tape"),
    Command("bench", "infra.bench", "measure speed beside the bare libraries"),
    Command("schemas", "infra.cli.freeze", "freeze the classes of messages as Avro, or check them"),
    Command("config", "infra.cli.config", "print the effective configuration"),
)


def main(argv: list[str] | None = None) -> int:
    """Run one command; its exit status."""
    arguments = sys.argv[1:] if argv is None else argv
    command = next((c for c in COMMANDS if c.name in arguments[:1]), None)
    if command is None:
        return _help(arguments)
    parser = Parser(f"tapedeck {command.name}", description=command.summary)
    try:
        config = _config(command)
        module = import_module(command.module)
        module.configure(parser)
        asked = parser.parse_args(arguments[1:])
        if command.name in OF_A_TAPE:
            _must_be_somewhere(config)
        status: int = module.main(config, asked)
        return status
    except (ConfigError, ServiceError) as wrong:
        print(f"tapedeck: {wrong}", file=sys.stderr)
        return USAGE_ERROR
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as failed:
        if failed.errno not in OF_FILES:
            raise
        where = f"{failed.filename}: " if failed.filename else ""
        print(f"tapedeck: {where}{failed.strerror}", file=sys.stderr)
        return 1
    except _away() as away:
        why = " ".join(str(away).split())  # libpq's has lines
        print(f"tapedeck: {_whereabouts(config)} ({why})", file=sys.stderr)
        return 1


def _config(command: Command) -> Config:
    """As the environment says; in a home where a copy runs, that copy is meant."""
    config = Config.load(os.environ)
    if command.name == UP or not (config.home / "run.json").exists():
        return config
    from infra.up import run_file  # only where something has run: `--help` stays quick

    return Config.load(run_file.meant(config.home, os.environ))


def _must_be_somewhere(config: Config) -> None:
    """What was given, or what this home runs: not whoever has the ports that we would have."""
    given = any(name.startswith(PORTS) and text for name, text in os.environ.items())
    if not (given or "kafka" in config.external or (config.home / "run.json").exists()):
        raise ConfigError(
            f"nothing has run in {config.home}; give `tapedeck up`, or say which tape is meant: "
            "TAPEDECK_HOME of what runs, or TAPEDECK_KAFKA, TAPEDECK_POSTGRES and TAPEDECK_REGISTRY"
        )


def _away() -> tuple[type[Exception], ...]:
    """What our libraries raise when a service does not answer; imported only then."""
    from confluent_kafka import KafkaException

    from infra.store.postgres import AWAY
    from infra.stream.schema_ids import RegistryAway

    return (KafkaException, RegistryAway, *AWAY)


def _whereabouts(config: Config) -> str:
    postgres = without_password(config.postgres)
    services = f"Kafka {config.kafka}, Postgres {postgres} or registry {config.registry}"
    if not (config.home / "run.json").exists():
        return (
            f"nothing runs in {config.home}; give `tapedeck up`, or the TAPEDECK_HOME of what "
            f"runs: {services} does not serve us"
        )
    return f"{services} does not serve us; `tapedeck status` says what runs"


def _help(arguments: list[str]) -> int:
    width = max(len(c.name) for c in COMMANDS)
    lines = [f"  {c.name:<{width}}  {c.summary}" for c in COMMANDS]
    text = "\n".join(["usage: tapedeck COMMAND [OPTIONS]", "", *lines, "", _MORE])
    if arguments[:1] in (["-h"], ["--help"], ["help"]):
        print(text)
        return 0
    if arguments:
        print(f"tapedeck: no command {arguments[0]!r}\n", file=sys.stderr)
    print(text, file=sys.stderr)
    return USAGE_ERROR


_MORE = """\
`tapedeck COMMAND --help` tells more. Settings are TAPEDECK_* variables: see `tapedeck config`."""


if __name__ == "__main__":
    sys.exit(main())
