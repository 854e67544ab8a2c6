"""`report.html`: the facts of `report.json` as one page that needs nothing else: no script, no font, no network."""

from __future__ import annotations

from micronets.boards import battery
from micronets.installation import install
from micronets.report import charts
from micronets.report.facts import Facts
from micronets.report.markup import Markup, el, table
from micronets.report.style import CSS
from micronets.terminal import amount, duration, interval_text, metric_label, percent

SOURCES = {
    "estimated": "computed from the architecture, nothing ran",
    "host": "found by running TensorFlow Lite Micro on this computer",
    "host, PyTorch": "found by running the PyTorch network on this computer",
    "host, numpy": "found by running our integer reference on this computer",
}


MEANINGS = {
    "accuracy": "Accuracy: the share whose class is named right.",
    "auc": "AUC: how often what is abnormal scores higher than what is normal; 50 % is chance.",
}


def page(facts: Facts) -> str:
    """The whole page. `facts` is what `facts.collect` returns."""
    title = f"{facts.task} on {facts.board.name}"
    sections = [
        _head(facts),
        _budget(facts),
        _accuracy(facts),
        _deployed(facts),
        _battery(facts),
        _search(facts),
        _choices(facts),
        _memory(facts),
        _layers(facts),
        _training(facts),
        _confusion(facts),
        _origin(facts),
    ]
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("title", f"micronets: {title}"),
        el("style", Markup(CSS)),
    )
    return "<!doctype html>\n" + el("html", head, el("body", el("main", sections)), lang="en") + "\n"


def _section(title: str, *body: Markup | str | None) -> Markup:
    return el("section", el("h2", title), *body)


def _head(facts: Facts) -> Markup:
    met = all(row.met for row in facts.limits)
    exact = facts.bit_exact
    pills = [el("span", "every limit is met" if met else "a limit is missed", class_=f"pill {'good' if met else 'bad'}")]
    if exact is None:
        pills.append(el("span", "not checked under TFLM", class_="pill"))
    else:
        wrong = exact.different
        says = f"{exact.compared:,} output bytes equal under TFLM" if not wrong else f"{wrong:,} output bytes differ under TFLM"
        pills.append(el("span", says, class_=f"pill {'bad' if wrong else 'good'}"))
    warning = None
    if facts.synthetic:
        says = (
            "Trained and tested on synthetic examples: these figures say how well the tool works, not how well the model"
            " does on real ones."
        )
        warning = el("p", el("b", "SYNTHETIC DATA. "), says, class_="warning")
    value, noun = facts.scores[-1], facts.noun
    if facts.metric == "accuracy":
        lead = f" of {facts.samples['test']:,} test {noun} right ({value.name})"
    else:
        lead = f" {metric_label(facts.metric)} on {facts.judged:,} test {facts.judged_noun} ({value.name})"
    return el(
        "header",
        el("p", f"micronets {facts.versions['micronets']}", class_="small"),
        el("h1", f"{facts.task} on {facts.board.name}"),
        warning,
        el(
            "p",
            el("b", percent(value.value)),
            lead,
            class_="lead",
        ),
        el("p", pills),
    )


def _budget(facts: Facts) -> Markup:
    rows = facts.limits
    bars = [(r.label, r.value, r.limit, f"{amount(r.value, r.unit)} of {amount(r.limit, r.unit)}", r.met) for r in rows]
    cells = [
        (
            r.label,
            amount(r.value, r.unit),
            amount(r.limit, r.unit),
            f"{r.value / r.limit:.1%}",
            r.source,
            r.note,
        )
        for r in rows
    ]
    return _section(
        "Result against budget",
        charts.budget_bars(bars),
        table(("limit", "result", "allowed", "used", "source", ""), cells, numeric=(1, 2, 3)),
    )


def _accuracy(facts: Facts) -> Markup:
    rows = [(r.name, percent(r.value), r.source) for r in facts.scores]
    last, metric, interval = facts.scores[-1], facts.metric, facts.interval
    others = [(metric_label(name), percent(value)) for name, value in last.metrics.items() if name != metric]
    told = f"On {facts.judged:,} test {facts.judged_noun}. {MEANINGS[metric]} Data: {facts.source}."
    return _section(
        MEANINGS[metric].split(":")[0],
        el("p", told),
        table(("model", metric_label(metric), "source"), rows, numeric=(1,)),
        el("p", f"{last.name}: {interval_text(interval)}.", class_="small") if interval else None,
        table((f"also, of {last.name}", ""), others, numeric=(1,)) if others else None,
    )


def _deployed(facts: Facts) -> Markup:
    c = facts.c
    if c is None:
        return _section("As C on the board", el("p", f"Not measured here: {install('sim')}. The C is in the folder c."))
    tflm = c.arena_tflm_cortex_m_bytes
    rows = [
        ("latency", amount(c.latency_ms, "ms"), f"{c.cycles:,} cycles, +-{c.uncertainty:.0%}"),
        ("energy", amount(c.energy_mj, "mJ"), f"latency x {facts.board.active_power_w:g} W"),
        (
            "SRAM",
            amount(c.sram_bytes, "B"),
            f"arena {c.arena_c_bytes:,}, stack {c.stack_bytes:,}; TFLM's arena {tflm:,}",
        ),
        ("flash", amount(c.flash_bytes, "B"), f"code {c.code_bytes:,}, the rest weights and tables"),
    ]
    equal = "equal the integer reference's, every byte" if c.bit_exact else "DIFFER from the integer reference's"
    layers = [(r.name, r.kind, f"{r.macs:,}", f"{r.cycles:,}", _share(r.cycles, c.cycles)) for r in c.per_layer]
    return _section(
        "As C on the board",
        el("p", f"The C in the folder c, run on a simulated {c.board}: outputs for {c.samples} inputs {equal}."),
        table(("", "", ""), rows, numeric=(1,)),
        table(("layer", "kind", "MACs", "cycles", "share"), layers, numeric=(2, 3, 4)),
        el("p", f"Source: {c.source}, {c.toolchain}. Cycles: {c.sources.cycles}.", class_="small"),
    )


def _share(part: int | None, whole: int | None) -> str:
    return f"{part / whole:.1%}" if part is not None and whole else ""


def _battery(facts: Facts) -> Markup | None:
    cycle, c = facts.battery, facts.c
    if cycle is None or c is None:
        return None
    sleep = facts.board.sources.get("sleep_power_w", "not known; its board file may say it (sleep_power_w)")
    often = "one inference" if cycle.rate == 1 else f"{cycle.rate:.3g} inferences"
    told = (
        f"At {often} a second, asleep in between. Waking up, regulators, sensors and other parts are"
        " not counted. For another rate: micronets measure --rate."
    )
    return _section(
        "Battery",
        el("p", told),
        table(("", "", ""), battery.rows(cycle), numeric=(1,)),
        el(
            "p",
            f"Run power: {facts.board.sources['active_power_w']}. Sleep power: {sleep}. Latency: {c.source}.",
            class_="small",
        ),
    )


def _search(facts: Facts) -> Markup:
    history = facts.search.history
    if not history:
        return _section("Search", el("p", "No search: the architecture was given."))
    limits, labels = facts.search.limits, {r.name: r.label for r in facts.limits}
    costs = [
        charts.Series(labels.get(name, name), [h["costs"].get(name) / limit if name in h["costs"] else None for h in history])
        for name, limit in limits.items()
    ]
    rates = [charts.Series("accuracy", [h["accuracy"] for h in history])]
    told = (
        "One supernet holds all networks of the space: its loss, and what its most likely network costs. At first its weights"
        " alone are trained. What it ends with is then checked in integers, repaired where it misses a limit, and enlarged"
        " where there is room."
    )
    return _section(
        "Search trajectory",
        el("p", told),
        charts.lines([charts.Series("loss", [h["loss"] for h in history])], "loss", "epoch"),
        charts.lines(costs, "cost as a share of its limit", "epoch", limit=1.0),
        charts.lines(rates, f"accuracy of the networks drawn, on disturbed training {facts.noun}", "epoch", zero=False),
    )


def _choices(facts: Facts) -> Markup:
    choices = facts.choices
    bars = []
    for c in (c for c in choices if c.kind == "width"):
        largest = c.options[-1]
        bars.append((c.name, 0 if c.idle else c.value, largest, "left out" if c.idle else f"{c.value} of {largest}"))
    others = [
        (c.name, c.kind, "left out" if c.idle else str(c.value), ", ".join(map(str, c.options)))
        for c in choices
        if c.kind != "width"
    ]
    totals = [(r.label, amount(r.value, r.unit), amount(r.largest, r.unit)) for r in facts.against_largest]
    return _section(
        "Chosen network against the largest of the space",
        table(("", "chosen", "largest"), totals, numeric=(1, 2)),
        charts.choice_bars(bars) if bars else None,
        table(("choice", "kind", "chosen", "options"), others, numeric=(2,)),
    )


def _memory(facts: Facts) -> Markup:
    plan = facts.plan
    buffers = [charts.Buffer(b.name, b.offset, b.bytes, b.first, b.last) for b in plan.buffers]
    steps = [row.name for row in facts.layers]
    told = (
        f"Where TensorFlow Lite Micro puts each buffer while each layer runs: {plan.bytes:,} bytes. Structures that stay"
        f" take the rest of the arena, {plan.arena_bytes:,} bytes predicted on a 64-bit host (source: estimated)."
    )
    found = facts.arena.found
    if found is not None:
        told += f" The smallest arena in which TFLM really runs there, by bisection: {found:,} bytes (source: host)."
    return _section("Memory over time", el("p", told), charts.memory(buffers, steps, plan.bytes, None))


def _layers(facts: Facts) -> Markup:
    head = ("layer", "kind", "output", "MACs", "parameters", "weight bytes", "live bytes")
    rows = [
        (
            r.name,
            r.kind,
            " x ".join(map(str, r.output_shape)),
            *(f"{n:,}" for n in (r.macs, r.params, r.weight_bytes, r.live_bytes)),
        )
        for r in facts.layers
    ]
    layers = facts.layers
    sums = (sum(r.macs for r in layers), sum(r.params for r in layers), sum(r.weight_bytes for r in layers))
    total = ("total", "", "", *(f"{n:,}" for n in sums), "")
    return _section(
        "Layer by layer", table(head, [*rows, total], numeric=range(3, 7)), el("p", "Source: estimated.", class_="small")
    )


def _training(facts: Facts) -> Markup:
    history = facts.train.history
    if not history:
        return _section("Training", el("p", "No record of a training."))
    losses = [charts.Series("loss", [h.get("loss") for h in history])]
    name = next(k for k in history[-1] if k.startswith("val_"))
    rates = [charts.Series(metric_label(name[4:]), [h.get(name) for h in history])]
    switch = next((i for i, h in enumerate(history) if h.get("stage") != "float"), None)
    told = f"In float for {switch} epochs, then with quantisation simulated (shaded)." if switch else None
    return _section(
        "Training",
        el("p", told) if told else None,
        charts.lines(losses, f"loss on disturbed training {facts.noun}", "epoch", mark=switch),
        charts.lines(rates, f"{metric_label(name[4:])} on validation {facts.noun}", "epoch", mark=switch, zero=False),
    )


def _confusion(facts: Facts) -> Markup | None:
    if facts.confusion is None:
        return None
    return _section("Confusion", charts.confusion(facts.confusion, facts.classes))


def _origin(facts: Facts) -> Markup:
    board = facts.board
    rows = [
        ("data", facts.source),
        (facts.noun, ", ".join(f"{n:,} {split}" for split, n in facts.samples.items())),
        *(("note", note) for note in facts.notes),
        (
            "board",
            f"{board.name}: {board.core}, {board.sram_bytes:,} bytes SRAM, {board.flash_bytes:,} bytes flash",
        ),
        ("seed", str(facts.seed)),
        ("time", ", ".join(f"{stage} {duration(s)}" for stage, s in facts.seconds.items())),
        *((name, version) for name, version in facts.versions.items()),
    ]
    return _section(
        "Where this comes from",
        el("h3", "Commands"),
        el("pre", "\n".join(facts.commands)),
        table(("", ""), rows),
        el("h3", "Sources of the numbers"),
        table(("source", "meaning"), SOURCES.items()),
        el("details", el("summary", "Configuration"), el("pre", facts.config)),
    )
