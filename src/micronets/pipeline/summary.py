"""The short summary of a finished run, which `micronets run` prints at its end."""

from __future__ import annotations

from micronets.installation import install
from micronets.pipeline.directory import FACTS, LIBRARY, MODEL, PAGE, RunDir
from micronets.records import JsonObject
from micronets.report.facts import Facts
from micronets.terminal import amount, interval_text, metric_label, percent, text_table


def summary_json(facts: Facts, run: RunDir) -> JsonObject:
    """Returns what `micronets run --json` prints."""
    keys = ["ok", "runtime", "c", "task", "source", "synthetic", "samples", "metric", "scores", "interval", "bit_exact"]
    keys += ["classes", "confusion", "remarks", "notes"]
    table = facts.to_json()
    files = {"model": str(run / MODEL), "report": str(run / PAGE), "facts": str(run / FACTS)}
    return {**{key: table[key] for key in (*keys, "limits", "seed")}, "board": facts.board.name, **files}


def summary(facts: Facts, run: RunDir) -> str:
    """Returns the text that `micronets run` prints at its end."""
    limits = [
        (
            r.label,
            amount(r.value, r.unit),
            amount(r.limit, r.unit),
            f"{r.value / r.limit:.1%}",
            r.source,
            "" if r.met else "MISSED",
        )
        for r in facts.limits
    ]
    rates = [(r.name, percent(r.value), r.source) for r in facts.scores]
    warning = "SYNTHETIC DATA: " if facts.synthetic else ""
    data = f"{warning}{facts.source}; {facts.judged:,} test {facts.judged_noun}"
    exact = facts.bit_exact
    if exact is None:
        proof = f"TFLM is not installed here ({install('tflm')}): nothing ran under it, the arena is an estimate"
    else:
        arena = facts.arena
        proof = (
            f"TFLM against our integer reference: {exact.different:,} of {exact.compared:,} output bytes differ\n"
            f"smallest arena in which TFLM runs: {arena.found:,} B (host, by bisection); predicted "
            f"{arena.predicted:,} B"
        )
    return "\n".join(
        [
            f"{facts.task} on {facts.board.name}",
            data,
            *([facts.trials.text()] if facts.trials is not None else []),
            "",
            text_table(("limit", "result", "allowed", "used", "source", ""), limits, (1, 2, 3)),
            "",
            text_table((metric_label(facts.metric), "test", "source"), rates, (1,)),
            *_score_lines(facts),
            "",
            proof,
            *_c_lines(facts),
            f"model:  {run / MODEL}",
            f"C:      {run / LIBRARY}",
            f"report: {run / PAGE}",
        ]
    )


def _c_lines(facts: Facts) -> list[str]:
    """Returns a line with the memory and the time of the C on the board."""
    c = facts.c
    if c is None:
        return [f"our C: written, not measured here ({install('sim')})"]
    took = f"{c.instructions:,} instructions"
    if c.uncertainty is not None:
        took = f"{amount(c.latency_ms, 'ms')} +-{c.uncertainty:.0%}, {amount(c.energy_mj, 'mJ')}"
    return [
        f"our C ({c.source}, {c.toolchain}): {took}, SRAM {amount(c.sram_bytes, 'B')}, flash "
        f"{amount(c.flash_bytes, 'B')}"
    ]


def _score_lines(facts: Facts) -> list[str]:
    """Returns lines with the confidence interval of the last score, and with further metrics of the task."""
    last = facts.scores[-1]
    rest = [(metric_label(name), percent(value)) for name, value in last.metrics.items() if name != facts.metric]
    lines = [f"{last.name}: {interval_text(facts.interval)}"] if facts.interval else []
    lines += [f"remark: {remark}" for remark in facts.remarks]
    return [*lines, *_class_lines(facts), *(["", text_table(("also", "test"), rest, (1,))] if rest else [])]


def _class_lines(facts: Facts) -> list[str]:
    """Returns a table with the number of examples and the accuracy of each class, if classes are unequal."""
    if facts.confusion is None or facts.balanced is None:
        return []
    rows = [
        (name, f"{sum(row):,}", percent(row[i] / sum(row)) if sum(row) else "-")
        for i, (name, row) in enumerate(zip(facts.classes, facts.confusion, strict=True))
    ]
    return ["", text_table(("class", facts.judged_noun, "right"), rows, (1, 2))]
