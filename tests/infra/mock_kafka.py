"""librdkafka's mock cluster: a broker that can be taken down, and told to refuse."""

from __future__ import annotations

import ctypes
from pathlib import Path

import confluent_kafka

PRODUCE_REQUEST = 0


class MockKafka:
    """One broker in this process; clients reach it over TCP as they reach a real one."""

    def __init__(self, *topics: tuple[str, int]) -> None:
        libraries = Path(confluent_kafka.__file__).parents[1] / "confluent_kafka.libs"
        self._library = ctypes.CDLL(str(next(libraries.glob("librdkafka*.so*"))))
        pointer = ctypes.c_void_p
        lib = self._library
        lib.rd_kafka_conf_new.restype = pointer
        lib.rd_kafka_new.restype = pointer
        lib.rd_kafka_new.argtypes = [ctypes.c_int, pointer, ctypes.c_char_p, ctypes.c_size_t]
        lib.rd_kafka_mock_cluster_new.restype = pointer
        lib.rd_kafka_mock_cluster_new.argtypes = [pointer, ctypes.c_int]
        lib.rd_kafka_mock_cluster_destroy.argtypes = [pointer]
        lib.rd_kafka_destroy.argtypes = [pointer]
        lib.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
        lib.rd_kafka_mock_cluster_bootstraps.argtypes = [pointer]
        lib.rd_kafka_mock_topic_create.argtypes = [
            pointer,
            ctypes.c_char_p,
            ctypes.c_int,
            ctypes.c_int,
        ]
        lib.rd_kafka_mock_broker_set_down.argtypes = [pointer, ctypes.c_int32]
        lib.rd_kafka_mock_broker_set_up.argtypes = [pointer, ctypes.c_int32]
        error = ctypes.create_string_buffer(512)
        self._handle = lib.rd_kafka_new(0, lib.rd_kafka_conf_new(), error, 512)
        self._cluster = lib.rd_kafka_mock_cluster_new(self._handle, 1)
        self.address: str = lib.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()
        for name, partitions in topics:
            lib.rd_kafka_mock_topic_create(self._cluster, name.encode(), partitions, 1)

    def go_down(self) -> None:
        """Break every connection and accept none."""
        self._library.rd_kafka_mock_broker_set_down(self._cluster, 1)

    def come_up(self) -> None:
        """Accept again."""
        self._library.rd_kafka_mock_broker_set_up(self._cluster, 1)

    def refuse_produce(self, *codes: int) -> None:
        """Answer the next requests to produce with these errors."""
        push = self._library.rd_kafka_mock_push_request_errors_array
        errors = (ctypes.c_int * len(codes))(*codes)
        push.argtypes = [
            ctypes.c_void_p,
            ctypes.c_int16,
            ctypes.c_size_t,
            ctypes.POINTER(ctypes.c_int),
        ]
        push(self._cluster, PRODUCE_REQUEST, len(codes), errors)

    def close(self) -> None:
        """Take it away."""
        self._library.rd_kafka_mock_cluster_destroy(self._cluster)
        self._library.rd_kafka_destroy(self._handle)
