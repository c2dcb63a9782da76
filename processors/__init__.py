"""What the stream means: pure steps from one event and a state to the next state and new events.

To add a processor: one file with its `step` and `Processor` value, one test, one line in
`PROCESSORS`.
"""
