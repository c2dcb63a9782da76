"""`tapedeck bootstrap`: what a tape needs before roles work on it. Again is harmless."""

from __future__ import annotations

import argparse

from infra.config import Config
from infra.observe import telemetry
from infra.up import bootstrap


def configure(parser: argparse.ArgumentParser) -> None:
    """It takes no options: everything is in the configuration."""
    del parser


def main(config: Config, arguments: argparse.Namespace) -> int:
    """Prepare the tape."""
    del arguments
    telemetry.start(config, "bootstrap")
    bootstrap.prepare(config)
    return 0
