"""The embedded schema registry: Confluent's REST interface over a compacted Kafka topic.

`state` is what the topic's records add up to, `decisions` what a request makes of it, `log` the
topic itself, `api` the routes. To answer another request: a function in `decisions` or a query of
`state`, and its route in `api`.
"""
