"""`report.json`: everything that is known about a finished run, gathered from its files."""

from __future__ import annotations

import dataclasses
import datetime
import importlib.metadata
import json
import platform
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from micronets import __version__
from micronets.boards import battery
from micronets.boards.board import LIMITS, Board, board_budget
from micronets.commands import inspect
from micronets.cost.costs import budget_costs, cost
from micronets.cost.tflm_arena import arena_tflm_bytes
from micronets.cost.tflm_plan import tflm_plan
from micronets.files import write_atomic
from micronets.installation import install
from micronets.ir.arch import Arch
from micronets.ir.space import Choice, derive
from micronets.report.page import page
from micronets.run import directory
from micronets.run.context import RunContext
from micronets.run.directory import CONFIG, EVALUATION, FACTS, LIBRARY, MODEL, PAGE, SEARCH_LOG, TRAIN_LOG, RunDir
from micronets.run.stages.base import Stage
from micronets.run.stages.compile import COMPILE, read_measurement
from micronets.run.stages.evaluate import EVALUATE
from micronets.run.stages.export import EXPORT
from micronets.run.stages.search import SEARCH
from micronets.run.stages.teacher import TEACHER
from micronets.run.stages.train import TRAIN
from micronets.runtimes.measurement import Measurement, from_json
from micronets.terminal import amount, columns, interval_text, metric_label, percent

RATE = 1.0  # inferences a second, for the battery
_PACKAGES = ("numpy", "torch", "tflite-micro", "scipy")

EARLIER = (SEARCH, TEACHER, TRAIN, EXPORT, COMPILE, EVALUATE)
"""The stages whose files the report is made of, in the order in which they are done."""


def _inputs(context: RunContext) -> dict[str, str]:
    """The files of all the stages before."""
    return directory.check_outputs(context.run, *EARLIER)


def _report(context: RunContext) -> Sequence[str]:
    """Writes report.json and report.html."""
    facts = collect(context)
    write_atomic(context.run / FACTS, json.dumps(facts, indent=1) + "\n")
    write_atomic(context.run / PAGE, page(facts))
    return FACTS, PAGE


def read(run: RunDir) -> dict[str, Any]:
    """The facts that the stage wrote."""
    facts: dict[str, Any] = json.loads((run / FACTS).read_text("utf-8"))
    return {**facts, "c": None if facts.get("c") is None else from_json(facts["c"]).to_json()}


def collect(context: RunContext) -> dict[str, Any]:
    """The facts, as JSON holds them; `page.page` draws them."""
    arch, board, data = context.arch, context.board, context.data
    verdict = json.loads((context.run / EVALUATION).read_text("utf-8"))
    duty_cycle = _battery(read_measurement(context.run), board)
    largest = derive(context.space, {**context.space.largest(), **context.input_settings})
    plan = tflm_plan(arch)
    return {
        **verdict,
        "task": context.config.task,
        "board": dataclasses.asdict(board) | {"sources": dict(board.sources)},
        "source": data.source,
        "synthetic": data.synthetic,
        "notes": list(data.notes),
        "classes": list(data.classes),
        "samples": {split: data.size(split) for split in ("train", "val", "test")},
        "seed": context.config.seed,
        "date": datetime.date.today().isoformat(),
        "costs": dict(budget_costs(arch, board, LIMITS, 0)) | {"tflite_bytes": (context.run / MODEL).stat().st_size},
        "battery": None if duty_cycle is None else dataclasses.asdict(duty_cycle),
        "commands": commands(context),
        "versions": versions(),
        "seconds": directory.seconds(context.run),
        "config": (context.run / CONFIG).read_text("utf-8"),
        "search": {
            "history": _records(context.run / SEARCH_LOG),
            "limits": board_budget(context.config.budget, board).limits(),
        },
        "train": {"history": _records(context.run / TRAIN_LOG)},
        "space": context.space.name,
        "choices": _choices(context),
        "against_largest": _size_rows(arch, largest, board),
        "layers": [dataclasses.asdict(layer) for layer in inspect.layer_inspections(arch, board)],
        "plan": {
            "bytes": plan.bytes,
            "arena_bytes": arena_tflm_bytes(arch),
            # The report counts layers from 0; the input is there before the first of them.
            "buffers": [
                {"name": b.name, "offset": b.offset, "bytes": b.bytes, "first": max(0, b.first - 1), "last": max(0, b.last - 1)}
                for b in plan.buffers
            ],
        },
    }


def _battery(c: Measurement | None, board: Board) -> battery.DutyCycle | None:
    """One inference a second on a coin cell, or as many as there is time for; None without a measurement."""
    if c is None or c.latency_ms is None:
        return None
    rate = min(RATE, 1e3 / c.latency_ms)
    return battery.duty_cycle(c.latency_ms, board, rate, battery.parse_battery(battery.CR2032))


def _size_rows(chosen: Arch, largest: Arch, board: Board) -> list[dict[str, Any]]:
    """The chosen network and the largest of its space in the terms of a budget, row by row."""
    a, b = cost(chosen, board), cost(largest, board)
    rows = (
        ("MACs", "MACs", a.macs, b.macs),
        ("parameters", "", a.params, b.params),
        (".tflite file", "B", a.tflite_bytes, b.tflite_bytes),
        ("arena, 64-bit host", "B", a.arena_bytes, b.arena_bytes),
    )
    return [{"label": label, "unit": unit, "value": value, "largest": most} for label, unit, value, most in rows]


def _choices(context: RunContext) -> list[dict[str, Any]]:
    """Every choice with its value; `idle` says that it changes nothing, as the block it belongs to is left out."""
    values, arch = context.values, context.arch

    def idle(c: Choice) -> bool:
        return len(c.options) > 1 and all(derive(context.space, {**values, c.name: o}) == arch for o in c.options)

    return [
        {"name": c.name, "kind": c.kind, "value": values[c.name], "options": list(c.options), "idle": idle(c)}
        for c in context.space.choices
    ]


def commands(context: RunContext) -> list[str]:
    """How to make this run again, and how to check its model by hand."""
    out, given = shlex.quote(str(context.run.path)), context.config.data
    where = "".join(
        f" --{name} {shlex.quote(p)}" for name, p in (("data", given.path), ("test", getattr(given, "test", ""))) if p
    )
    return [
        context.command,
        f"micronets run {out}/{CONFIG} --out {out}-again",
        f"micronets evaluate {out}/{MODEL} --task {context.config.task}{where}",
        f"micronets inspect {out}/{MODEL} --board {shlex.quote(context.config.board)}",
        f"micronets measure {out}/{MODEL} --board {shlex.quote(context.config.board)}",
    ]


def versions() -> dict[str, str]:
    """Of everything that has a say in the numbers."""
    found = {"micronets": __version__, "python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return {**found, "machine": f"{platform.system()} {platform.machine()}"}


def brief(facts: Mapping[str, Any], run: RunDir) -> dict[str, Any]:
    """What `micronets run --json` prints."""
    keys = ["ok", "runtime", "c", "task", "source", "synthetic", "samples", "metric", "scores", "interval", "bit_exact"]
    keys += ["limits", "seed"]
    files = {"model": str(run / MODEL), "report": str(run / PAGE), "facts": str(run / FACTS)}
    return {**{k: facts[k] for k in keys}, "board": facts["board"]["name"], **files}


def summary(facts: Mapping[str, Any], run: RunDir) -> str:
    """What `micronets run` prints at its end."""
    limits = [
        (
            r["label"],
            amount(r["value"], r["unit"]),
            amount(r["limit"], r["unit"]),
            f"{r['value'] / r['limit']:.1%}",
            r["source"],
            "" if r["met"] else "MISSED",
        )
        for r in facts["limits"]
    ]
    rates = [(r["name"], percent(r["value"]), r["source"]) for r in facts["scores"]]
    warning = "SYNTHETIC DATA: " if facts["synthetic"] else ""
    data = f"{warning}{facts['source']}; {facts['judged']:,} test {facts['judged_noun']}"
    exact = facts["bit_exact"]
    if exact is None:
        proof = f"TFLM is not installed here ({install('tflm')}): nothing ran under it, the arena is an estimate"
    else:
        arena = facts["arena"]
        proof = (
            f"TFLM against our integer reference: {exact['different']:,} of {exact['compared']:,} output bytes differ\n"
            f"smallest arena in which TFLM runs: {arena['found']:,} B (host, by bisection); predicted {arena['predicted']:,} B"
        )
    return "\n".join(
        [
            f"{facts['task']} on {facts['board']['name']}",
            data,
            "",
            columns(("limit", "result", "allowed", "used", "source", ""), limits, (1, 2, 3)),
            "",
            columns((metric_label(facts["metric"]), "test", "source"), rates, (1,)),
            *others(facts),
            "",
            proof,
            *deployed(facts),
            f"model:  {run / MODEL}",
            f"C:      {run / LIBRARY}",
            f"report: {run / PAGE}",
        ]
    )


def deployed(facts: Mapping[str, Any]) -> list[str]:
    """What the C takes on the board, in a line."""
    c = facts["c"]
    if c is None:
        return [f"our C: written, not measured here ({install('sim')})"]
    return [
        f"our C ({c['source']}, {c['toolchain']}): {amount(c['latency_ms'], 'ms')} +-{c['uncertainty']:.0%}, "
        f"{amount(c['energy_mj'], 'mJ')}, SRAM {amount(c['sram_bytes'], 'B')}, flash {amount(c['flash_bytes'], 'B')}"
    ]


def others(facts: Mapping[str, Any]) -> list[str]:
    """The interval of the last score, and the metrics beside the task's own, in lines."""
    last = facts["scores"][-1]
    rest = [(metric_label(name), percent(value)) for name, value in last["metrics"].items() if name != facts["metric"]]
    lines = [f"{last['name']}: {interval_text(facts['interval'])}"] if facts["interval"] else []
    return [*lines, *(["", columns(("also", "test"), rest, (1,))] if rest else [])]


def _records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(row) for row in path.read_text("utf-8").splitlines() if row.strip()]


REPORT = Stage("report", "report", _inputs, _report, (FACTS, PAGE))
