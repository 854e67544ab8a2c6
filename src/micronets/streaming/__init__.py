"""Sound or samples of a sensor without end: frames as they complete, a network's outputs, and classes that fire."""

from micronets.streaming.detector import CERTAIN, Decision, Detector, DetectorState, DetectorTables, default_detector
from micronets.streaming.incremental import Steps, incremental, steps_of
from micronets.streaming.plan import StreamPlan, plan_stream
from micronets.streaming.stream import Stream

__all__ = [
    "CERTAIN",
    "Decision",
    "Detector",
    "DetectorState",
    "DetectorTables",
    "Steps",
    "Stream",
    "StreamPlan",
    "default_detector",
    "incremental",
    "plan_stream",
    "steps_of",
]
