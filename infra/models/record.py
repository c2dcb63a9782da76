"""A model on the record: registered with its figures and promoted, through its decider."""

from __future__ import annotations

import time

from commands.models import MODELS, PromoteModel, RegisterModel
from events.envelope import first_cause
from infra.store.draft import Answer
from infra.store.event_store import EventStore
from processors.training.report import Report

SOURCE = "training"
ACTOR = "trainer"


def recorded(conninfo: str, report: Report, environment_digest: str, *, promote: bool) -> Answer:
    """Register the model and, if wanted, let it predict from now on. Again decides nothing."""
    with EventStore.open(conninfo) as store:
        told = _handled(store, _registration(report, environment_digest))
        if promote:
            wish = PromoteModel(model=report.model, model_digest=report.model_digest)
            told += _handled(store, wish)
    return told


def _handled(store: EventStore, command: RegisterModel | PromoteModel) -> Answer:
    now_us = time.time_ns() // 1_000
    return store.handle(
        MODELS,
        first_cause(
            command,
            source=f"{SOURCE}/{type(command).__name__}",
            sequence=f"{now_us:016d}",
            key=command.model,
            time_us=now_us,
            actor=ACTOR,
        ),
    )


def _registration(report: Report, environment_digest: str) -> RegisterModel:
    return RegisterModel(
        model=report.model,
        model_digest=report.model_digest,
        feature_digest=report.feature_digest,
        dataset_digest=report.dataset_digest,
        environment_digest=environment_digest,
        timeframe_s=report.timeframe_s,
        horizon_s=report.horizon_s,
        rows_train=report.rows_train,
        rows_test=report.rows_test,
        base_rate=report.base_rate,
        accuracy=report.accuracy.value,
        accuracy_low=report.accuracy.low,
        accuracy_high=report.accuracy.high,
        log_loss=report.log_loss,
        trained_to_us=report.trained_to_us,
    )
