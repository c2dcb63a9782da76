"""What the stream means: pure steps from one event and a state to the next state and new events.

To add a processor: one file with its `step` and `Processor` value, one test, one line in
`PROCESSORS`. Inference is not in the tuple, because it exists only with a model:
`processors.inference.inference(predictor)`.
"""

from typing import Any

from processors.bars import BARS
from processors.features import FEATURES_OF_BARS
from processors.processor import Processor
from processors.signals import SIGNALS

PROCESSORS: tuple[Processor[Any, Any, Any], ...] = (BARS, FEATURES_OF_BARS, SIGNALS)
