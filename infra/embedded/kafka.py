"""One Kafka node in KRaft mode, on loopback, its data under `home/kafka`."""

from __future__ import annotations

import base64
import json
import signal
import subprocess
import uuid
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from infra.embedded.maven import KAFKA_VERSION, java, kafka_jars
from infra.embedded.process import ServiceError, end, refuse_used_port, spawn, wait_until

START_DEADLINE_S = 120.0
STOP_DEADLINE_S = 20.0
METADATA_TIMEOUT_S = 2.0
HEAP_MIB = 512

_SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=8
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
log.retention.ms=-1
log.retention.bytes=-1
log.segment.bytes=134217728
log.message.timestamp.type=CreateTime
controlled.shutdown.enable=true
"""

_LOG4J = """\
appender.file.type=RollingFile
appender.file.name=file
appender.file.fileName={log}
appender.file.filePattern={log}.%i
appender.file.layout.type=PatternLayout
appender.file.layout.pattern=%d{{ISO8601}} %p %c{{1}} %m%n
appender.file.policies.type=SizeBasedTriggeringPolicy
appender.file.policies.size=16MB
appender.file.strategy.type=DefaultRolloverStrategy
appender.file.strategy.max=2
rootLogger.level=WARN
rootLogger.appenderRef.file.ref=file
"""


class EmbeddedKafka:
    """`start()` returns when a metadata request is answered; data stays for the next start."""

    def __init__(self, home: Path, port: int, controller_port: int, cache: Path) -> None:
        self._port = port
        self._controller_port = controller_port
        self._cache = cache
        self._folder = home / "kafka"
        self._logs = home / "logs"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        program, jars = java(), kafka_jars(self._cache)
        refuse_used_port(self._port, "Kafka", "TAPEDECK_PORT_KAFKA")
        refuse_used_port(self._controller_port, "Kafka's controller", "TAPEDECK_PORT_CONTROLLER")
        run = [
            program,
            "-cp",
            f"{jars}/*",
            f"-Dlog4j2.configurationFile={self._folder}/log4j2.properties",
        ]
        self._write_settings()
        self._format(run)
        self._output.write_bytes(b"")
        self._process = spawn(
            [*run, f"-Xmx{HEAP_MIB}m", "-Xss512k", "kafka.Kafka", str(self._settings)],
            self._output,
            when_orphaned=signal.SIGTERM,
            cwd=self._folder,
        )
        if not wait_until(self._answers, self._process, START_DEADLINE_S):
            self.kill()
            raise ServiceError(
                f"Kafka did not start: {self._last_error()} (all of it: {self._logs}/kafka.log)"
            )

    def stop(self) -> None:
        """Graceful: logs are flushed and closed."""
        if self._process:
            end(self._process, signal.SIGTERM, STOP_DEADLINE_S)

    def kill(self) -> None:
        if self._process:
            end(self._process, signal.SIGKILL, STOP_DEADLINE_S)

    @property
    def _settings(self) -> Path:
        return self._folder / "server.properties"

    @property
    def _output(self) -> Path:
        return self._logs / "kafka.out"

    def _write_settings(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._logs.mkdir(parents=True, exist_ok=True)
        settings = _SETTINGS.format(
            port=self._port, controller=self._controller_port, data=self._folder / "data"
        )
        self._settings.write_text(settings)
        log = _LOG4J.format(log=self._logs / "kafka.log")
        Path(self._folder, "log4j2.properties").write_text(log)

    def _format(self, run: list[str]) -> None:
        """Make the cluster on first start; later make sure that the data is ours and not newer."""
        if (self._folder / "data" / "meta.properties").exists():
            refuse_foreign_data(self._folder)
            return
        cluster = cluster_id(uuid.uuid4())
        how = ["format", f"--cluster-id={cluster}", "-c", str(self._settings)]
        tool = [*run, "kafka.tools.StorageTool", *how]
        done = subprocess.run(tool, cwd=self._folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            last = (done.stderr or done.stdout).strip().splitlines()[-1:]
            raise ServiceError(f"Kafka could not format {self._folder}/data: {' '.join(last)}")
        stamp = {"cluster_id": cluster, "kafka": KAFKA_VERSION}
        Path(self._folder, "cluster.json").write_text(json.dumps(stamp))

    def _answers(self) -> bool:
        client = AdminClient(
            {"bootstrap.servers": self.address, "log_level": 0, "socket.timeout.ms": 2000}
        )
        try:
            return bool(client.list_topics(timeout=METADATA_TIMEOUT_S).brokers)
        except KafkaException:
            return False

    def _last_error(self) -> str:
        log = self._logs / "kafka.log"
        text = self._output.read_text() + (log.read_text()[-20_000:] if log.exists() else "")
        errors = [
            line
            for line in text.splitlines()
            if " ERROR " in line or " FATAL " in line or "rror:" in line
        ]
        return errors[-1].strip() if errors else "it gave no reason"


def cluster_id(drawn: uuid.UUID) -> str:
    """Kafka's text form of a UUID: 22 characters, of which the first may be a dash."""
    return base64.urlsafe_b64encode(drawn.bytes).decode().rstrip("=")


def refuse_foreign_data(kafka: Path) -> None:
    """Go on only with data of the cluster made here, by this Kafka or an older one."""
    folder, stamp = kafka / "data", kafka / "cluster.json"
    advice = "give another TAPEDECK_HOME, or move that folder away"
    if not stamp.exists():
        raise ServiceError(f"{folder} was not made by Tapedeck: {stamp.name} is missing; {advice}")
    made = json.loads(stamp.read_text())
    if (
        f"cluster.id={made['cluster_id']}"
        not in (folder / "meta.properties").read_text().splitlines()
    ):
        raise ServiceError(
            f"{folder} belongs to another Kafka cluster than {made['cluster_id']}; {advice}"
        )
    if _version(made["kafka"]) > _version(KAFKA_VERSION):
        raise ServiceError(
            f"{folder} was written by Kafka {made['kafka']}, newer than {KAFKA_VERSION}; {advice}"
        )
    stamp.write_text(json.dumps({**made, "kafka": KAFKA_VERSION}))


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))
