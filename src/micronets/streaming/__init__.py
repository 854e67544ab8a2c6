"""Continuous audio or sensor samples: frames as they complete, the network's outputs, and the detections."""

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
