"""The proof of a run: what the exported model does on the test split under TFLM, and whether it keeps every limit."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from micronets import tflite
from micronets.boards.board import LIMITS, board_budget
from micronets.commands import evaluate as evaluation
from micronets.cost.costs import budget_costs
from micronets.cost.tflm_arena import arena_tflm_bytes
from micronets.device.tflm import interpreter
from micronets.errors import CheckFailed
from micronets.files import digest, write_atomic
from micronets.quantized.model import QuantizedModel
from micronets.run import directory
from micronets.run.context import RunContext, settings_for
from micronets.run.directory import EVALUATION, MODEL
from micronets.run.stages.base import Stage
from micronets.run.stages.compile import COMPILE, read_measurement
from micronets.run.stages.export import EXPORT
from micronets.run.stages.search import SEARCH
from micronets.run.stages.train import TRAIN, trained
from micronets.runtimes import TFLM
from micronets.runtimes.measurement import LIMITS_MEASURED, Measurement
from micronets.tasks import Score


def _inputs(context: RunContext) -> dict[str, Any]:
    """The board, the budget, the runtime, whether TFLM can be run here, and the files of the stages before."""
    return {
        **settings_for(context, "board", "budget", "runtime", "latency_model"),
        "board file": digest(repr(context.board)),
        "tflm": interpreter.available(),
        **directory.check_outputs(context.run, SEARCH, TRAIN, EXPORT, COMPILE),
    }


def _evaluate(context: RunContext) -> Sequence[str]:
    """Measures everything, and writes evaluate.json."""
    file = tflite.read_file(context.run / MODEL)
    model = file.model
    count = f"{context.data.size('test'):,} test {context.data.noun}"
    context.progress({"stage": "evaluate", "note": f"{count} through float, fake-quantised and integer nets"})
    by_torch, q = _torch_outputs(context, model)
    scores = [_row(name, context.data.evaluate(out, "test"), "host, PyTorch") for name, out in by_torch.items()]
    ours = evaluation.outputs(file, q, evaluation.REFERENCE)
    result = context.data.evaluate(evaluation.logits(model, ours), "test")
    scores.append(_row("int8, numpy reference", result, "host, numpy"))
    exact = None
    if interpreter.available():
        theirs = evaluation.outputs(file, q, TFLM.name)
        result = context.data.evaluate(evaluation.logits(model, theirs), "test")
        scores.append(_row("int8 under TFLM", result, "host"))
        exact = dataclasses.asdict(evaluation.compare(file, q, ours, theirs))
        context.progress(
            {
                "stage": "evaluate",
                "note": f"TFLM against the reference: {exact['different']} of {exact['compared']:,} bytes differ",
            }
        )
    arena = {
        "predicted": arena_tflm_bytes(model.arch),
        "found": interpreter.min_arena(file.content) if interpreter.available() else None,
    }
    in_c = read_measurement(context.run)
    limits = _limits(context, file, arena["found"], in_c)
    verdict = {
        "ok": all(row["met"] for row in limits) and not (exact and exact["different"]) and not (in_c and not in_c.bit_exact),
        "metric": result.metric,
        "noun": context.data.noun,
        "scores": scores,
        "interval": result.interval,
        "judged": result.samples,
        "judged_noun": result.noun,
        "bit_exact": exact,
        "arena": arena,
        "runtime": context.config.runtime,
        "c": None if in_c is None else in_c.to_json(),
        "limits": limits,
        "confusion": result.confusion,
    }
    write_atomic(context.run / EVALUATION, json.dumps(verdict, indent=1) + "\n")
    return (EVALUATION,)


def _row(name: str, score: Score, source: str) -> dict[str, Any]:
    return {"name": name, "value": score.value, "source": source, "metrics": dict(score.metrics)}


def _limits(
    context: RunContext, file: tflite.ModelFile, arena_bytes: int | None, in_c: Measurement | None
) -> list[dict[str, Any]]:
    """Every limit with the best figure there is for it: found by running TFLM or our C, counted, or else estimated."""
    limits = board_budget(context.config.budget, context.board).limits()
    metadata = sum(len(k.encode()) + len(v.encode()) for k, v in file.model.metadata.items())
    predicted = budget_costs(file.model.arch, context.board, limits, metadata, context.costs)
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
        row = {
            "name": name,
            "label": called.label,
            "unit": called.unit,
            "limit": limit,
            "value": value,
            "predicted": predicted[name],
        }
        rows.append({**row, "met": value <= limit, "source": source, "note": notes})
    return rows


def failure(verdict: dict[str, Any]) -> str | None:
    """One line saying which checks failed, or None."""
    wrong = [
        f"{r['name']} = {r['value']:,.6g} is over the limit of {r['limit']:,.6g}" for r in verdict["limits"] if not r["met"]
    ]
    exact = verdict["bit_exact"]
    if exact and exact["different"]:
        wrong.append(f"{exact['different']} of {exact['compared']} output bytes differ under TFLM, first at {exact['first']}")
    if verdict["c"] and not verdict["c"]["bit_exact"]:
        wrong.append("the C computes other bytes than the reference on the simulated board; please report the model")
    return "; ".join(wrong) or None


def check(verdict: dict[str, Any]) -> None:
    """Raises `CheckFailed` naming what failed, if anything did."""
    message = failure(verdict)
    if message:
        raise CheckFailed(message)


def _torch_outputs(context: RunContext, model: QuantizedModel) -> tuple[dict[str, evaluation.Floats], evaluation.Int8]:
    """Logits of the test split by name of the network, and its inputs as those of `model`."""
    from micronets.design.predict import predict

    nets = trained(context)
    parts, q = [], []
    for rows in evaluation.blocks(context.data.size("test")):
        x = context.data.inputs("test", context.input_settings, rows)
        parts.append({name: predict(net, x) for name, net in nets.items()})
        q.append(evaluation.quantized(model, x))
    return {name: np.concatenate([p[name] for p in parts]) for name in nets}, np.concatenate(q)


EVALUATE = Stage("evaluate", "report", _inputs, _evaluate, (EVALUATION,))
