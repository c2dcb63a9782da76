"""The tape as Kafka holds it: records and headers, written all or nothing, read by position."""
