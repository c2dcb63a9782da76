"""How it is written: the map of topics, and Avro derived from the events and frozen in `avsc`."""
