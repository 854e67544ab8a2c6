"""The stage `evaluate`: scores the exported model on the test split under TFLM, and checks every limit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from micronets import tflite
from micronets.boards.board import LIMITS, board_budget
from micronets.commands import evaluate as evaluation
from micronets.commands.stream import composed_of, result_of
from micronets.cost.costs import budget_costs
from micronets.cost.tflite_size import text_bytes
from micronets.device.tflm import interpreter
from micronets.files import digest, write_atomic
from micronets.pipeline import directory
from micronets.pipeline.context import RunContext, settings_for
from micronets.pipeline.directory import EVALUATION, MISTAKES, MODEL, STREAM, RunDir, StageInputs
from micronets.pipeline.stages.base import Stage
from micronets.pipeline.stages.compile import COMPILE, read_measurement
from micronets.pipeline.stages.export import EXPORT
from micronets.pipeline.stages.search import SEARCH
from micronets.pipeline.stages.train import TRAIN, trained
from micronets.progress import NoteEvent
from micronets.quantized.model import QuantizedModel
from micronets.records import from_json, read_record, to_json
from micronets.report.facts import ArenaCheck, LimitRow, ScoreRow, Verdict
from micronets.report.mistakes import Mistakes, find_mistakes
from micronets.report.stream_page import StreamPage
from micronets.runtimes import TFLM
from micronets.runtimes.measurement import LIMITS_MEASURED, Measurement
from micronets.streaming.judge import words_of
from micronets.streaming.offline import hear
from micronets.streaming.plan import plan_stream, unstreamable
from micronets.tasks import Score, TaskData
from micronets.tasks.kws.data import KwsData
from micronets.tasks.labelled import LabelledData
from micronets.tasks.scoring import balanced_accuracy, remarks, unequal, worse_than_guessing

_SHORTEST_STREAM_S, _LONGEST_STREAM_S = 20.0, 300.0  # length of the audio stream on which a model is evaluated
_SECONDS_A_CLIP = 3.0  # of the stream, including the pause after the clip
_MOST_CLIPS = 60  # recordings per class in the stream


def _inputs(context: RunContext) -> StageInputs:
    """Returns the board, the budget, the runtime, whether TFLM can run here, and digests of the earlier files."""
    return {
        **settings_for(context, "board", "budget", "runtime", "latency_model"),
        "board file": digest(repr(context.board)),
        "tflm": interpreter.available(),
        **directory.check_outputs(context.run, SEARCH, TRAIN, EXPORT, COMPILE),
    }


def _evaluate(context: RunContext) -> Sequence[str]:
    """Scores the model on the test split, compares its figures with the limits, and writes evaluate.json."""
    file = tflite.read_file(context.run / MODEL)
    model = file.model
    count = f"{context.data.size('test'):,} test {context.data.noun}"
    context.progress(NoteEvent("evaluate", f"{count} through float, fake-quantised and integer nets"))
    by_torch, q = _torch_outputs(context, model)
    scores = [_row(name, context.data.evaluate(out, "test"), "host, PyTorch") for name, out in by_torch.items()]
    ours = evaluation.outputs(file, q, evaluation.REFERENCE)
    outputs = evaluation.logits(model, ours)
    result = context.data.evaluate(outputs, "test")
    scores.append(_row("int8, numpy reference", result, "host, numpy"))
    exact = None
    if interpreter.available():
        theirs = evaluation.outputs(file, q, TFLM.name)
        outputs = evaluation.logits(model, theirs)
        result = context.data.evaluate(outputs, "test")
        scores.append(_row("int8 under TFLM", result, "host"))
        exact = evaluation.compare(file, q, ours, theirs)
        note = f"TFLM against the reference: {exact.different} of {exact.compared:,} bytes differ"
        context.progress(NoteEvent("evaluate", note))
    predicted = file.arena_tflm_bytes(8)
    found = interpreter.min_arena(file.content, predicted) if interpreter.available() else None
    in_c = read_measurement(context.run)
    verdict = Verdict(
        metric=result.metric,
        noun=context.data.noun,
        scores=tuple(scores),
        interval=None if result.interval is None else tuple(result.interval),
        judged=result.samples,
        judged_noun=result.noun,
        bit_exact=exact,
        arena=ArenaCheck(predicted=predicted, found=found),
        runtime=context.config.runtime,
        c=in_c,
        limits=_limits(context, file, found, in_c),
        confusion=None if result.confusion is None else tuple(map(tuple, result.confusion)),
        balanced=balanced_accuracy(result.confusion) if result.confusion and unequal(result.confusion) else None,
        worse_than_guessing=worse_than_guessing(result.metrics, result.confusion),
        remarks=remarks(result, context.data.classes),
    )
    write_atomic(context.run / EVALUATION, json.dumps(verdict.to_json(), indent=1) + "\n")
    written = [EVALUATION]
    heard = _listen(context, file)
    if heard is not None:
        write_atomic(context.run / STREAM, json.dumps(to_json(heard), indent=1) + "\n")
        written.append(STREAM)
    if result.confusion is None:
        return written
    labels, classes = context.data.labels("test"), context.data.classes
    wrong = find_mistakes(outputs, labels, classes, _files(context.data))
    write_atomic(context.run / MISTAKES, json.dumps(to_json(wrong), indent=1) + "\n")
    return [*written, MISTAKES]


def _listen(context: RunContext, file: tflite.ModelFile) -> StreamPage | None:
    """Evaluates the model on a stream composed of the recordings of the test split.

    Returns None for a model that cannot listen, and for a test split without recordings of its own.
    """
    data = context.data
    if not isinstance(data, KwsData) or data.held is None or unstreamable(file.model) is not None:
        return None
    plan = plan_stream(file.model, file.name)
    clips = {c: paths[:: max(1, len(paths) // _MOST_CLIPS)] for c, paths in data.held.clips.items()}
    if not any(clips.get(word) for word in words_of(plan.labels, plan.detector)):
        return None
    seconds = min(_LONGEST_STREAM_S, max(_SHORTEST_STREAM_S, _SECONDS_A_CLIP * data.size("test")))
    context.progress(NoteEvent("evaluate", f"a stream of {seconds:,.0f} s, composed of test {data.noun}"))
    sound = composed_of(plan, clips, data.held.background, seconds, 0)
    runtime = TFLM.name if interpreter.available() else evaluation.REFERENCE
    heard = hear(file.model, plan, sound.samples, evaluation.runner(file, runtime))
    return result_of(
        file.name, runtime, replace(sound, source="composed of test clips"), heard, plan.detector
    ).figures()


def _files(data: TaskData) -> Sequence[str]:
    """Returns the path of the file of each test example; empty if the data have no such paths."""
    return data.files.get("test", ()) if isinstance(data, LabelledData) else ()


def read_mistakes(run: RunDir) -> Mistakes | None:
    """Reads the mistakes that the stage wrote; None for a task without classes."""
    path = run / MISTAKES
    if not path.is_file():
        return None
    return read_record(lambda table: from_json(Mistakes, table), path, directory.way_out(run, EVALUATE))


def read_stream(run: RunDir) -> StreamPage | None:
    """Reads what the stage wrote about a stream; None if it evaluated none."""
    path = run / STREAM
    if not path.is_file():
        return None
    return read_record(lambda table: from_json(StreamPage, table), path, directory.way_out(run, EVALUATE))


def read_verdict(run: RunDir) -> Verdict:
    """Reads the verdict that the stage wrote."""
    return read_record(lambda table: from_json(Verdict, table), run / EVALUATION, directory.way_out(run, EVALUATE))


def _row(name: str, score: Score, source: str) -> ScoreRow:
    return ScoreRow(name, score.value, source, dict(score.metrics))


def _limits(
    context: RunContext, file: tflite.ModelFile, arena_bytes: int | None, in_c: Measurement | None
) -> tuple[LimitRow, ...]:
    """Returns every limit with the best figure there is for it.

    The figure comes from a run of TFLM or of micronets' C, from counting, or else from an estimate.
    """
    limits = board_budget(context.config.budget, context.board).limits()
    metadata = text_bytes(file.model.metadata)
    predicted = budget_costs(file.model.arch, context.board, limits, metadata, context.costs_with_front_ends)
    found: dict[str, tuple[float, str, str]] = {"tflite_bytes": (len(file.content), "host", "")}
    if in_c is not None and in_c.runtime == context.runtime.name:
        note = "measured with the trained weights"
        found |= {name: (getattr(in_c, name), in_c.source, note) for name in LIMITS_MEASURED}
    elif (flash_bytes := context.runtime.flash_bytes(file)) is not None:
        found["flash_bytes"] = (flash_bytes, "estimated", "")
    if "arena_bytes" in limits and arena_bytes is not None:
        note = f"smallest that runs, by bisection; predicted {predicted['arena_bytes']:,}"
        found["arena_bytes"] = (arena_bytes, "host", note)
    rows = []
    for name, limit in limits.items():
        called, about = LIMITS[name], context.costs.costs[name].about
        value, source, note = found.get(name, (predicted[name], "estimated", ""))
        notes = "; ".join(t for t in (about, note) if t)
        owner = context.runtime.title if name in LIMITS_MEASURED else TFLM.title if name == "arena_bytes" else None
        label = f"{called.label}, {owner}" if owner else called.label
        row = LimitRow(name, label, called.unit, limit, value, predicted[name], value <= limit, source, notes)
        rows.append(row)
    return tuple(rows)


def _torch_outputs(
    context: RunContext, model: QuantizedModel
) -> tuple[dict[str, evaluation.Floats], evaluation.InputCodes]:
    """Returns logits of the test split by name of the network, and the split's inputs as `model` takes them."""
    from micronets.design.predict import predict

    nets = trained(context)
    parts, q = [], []
    for rows in evaluation.blocks(context.data.size("test")):
        x = context.data.inputs("test", context.input_settings, rows)
        parts.append({name: predict(net, x) for name, net in nets.items()})
        q.append(evaluation.quantized(model, x))
    return {name: np.concatenate([p[name] for p in parts]) for name in nets}, np.concatenate(q)


EVALUATE = Stage("evaluate", "report", _inputs, _evaluate, (EVALUATION, MISTAKES, STREAM))
