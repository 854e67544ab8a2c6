"""`report.html`: the facts of `report.json` as one self-contained page: no script, no font, no network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from micronets.boards import battery
from micronets.history import ORIGINS, ChosenCut, Finalist, SupernetEpoch, TrainedCandidate
from micronets.installation import install
from micronets.report import charts
from micronets.report.facts import Facts
from micronets.report.markup import Markup, document, el, html_table, section
from micronets.report.mistakes import Mistakes, mistakes_section
from micronets.report.stream_page import StreamPage, listening_section
from micronets.report.style import CSS
from micronets.terminal import amount, counted, duration, interval_text, metric_label, percent

SOURCE_MEANINGS = {
    "estimated": "computed from the architecture, nothing ran",
    "host": "found by running TensorFlow Lite Micro on this computer",
    "host, PyTorch": "found by running the PyTorch network on this computer",
    "host, numpy": "found by running our integer reference on this computer",
    "simulated": "found by running the C on a simulated core of the board, which counts cycles",
}


METRIC_MEANINGS = {
    "accuracy": "Accuracy: the share of examples that are classified correctly.",
    "balanced_accuracy": "Balanced accuracy: the share that is classified correctly, as the mean over the classes.",
    "auc": "AUC: how often an abnormal example scores higher than a normal one; 50 % is chance.",
}


def _meaning(metric: str) -> str:
    """Returns a sentence that explains a metric; for a metric of a user's task, its name."""
    if metric in METRIC_MEANINGS:
        return METRIC_MEANINGS[metric]
    label = metric_label(metric)
    return f"{label[:1].upper()}{label[1:]}."


def run_page(
    facts: Facts, mistakes: Mistakes | None = None, pictures: Sequence[bytes] = (), stream: StreamPage | None = None
) -> str:
    """Returns the text of the whole page about a finished run.

    - `facts`: all facts about the run.
    - `mistakes`: the misclassified test examples; None for a task without classes.
    - `pictures`: the first mistakes as JPEG files; empty if the examples are not images.
    - `stream`: the model's detections on a stream; None if it does not listen or there are no recordings.
    """
    title = f"{facts.task} on {facts.board.name}"
    sections = [
        _header(facts),
        _budget_section(facts),
        _accuracy_section(facts),
        _deployment_section(facts),
        _battery_section(facts),
        _space_section(facts),
        _search_section(facts),
        _finals_section(facts),
        _choices_section(facts),
        _memory_section(facts),
        _layers_section(facts),
        _training_section(facts),
        _confusion_section(facts),
        mistakes_section(mistakes, facts.noun, pictures) if mistakes else None,
        listening_section(stream) if stream else None,
        _origin_section(facts),
    ]
    return document(f"micronets: {title}", CSS, sections)


def _header(facts: Facts) -> Markup:
    """Returns the head of the page: the title, the main figure, and whether all limits and checks are met."""
    met = all(row.met for row in facts.limits)
    exact = facts.bit_exact
    pills = [
        el("span", "every limit is met" if met else "a limit is missed", class_=f"pill {'good' if met else 'bad'}")
    ]
    if exact is None:
        pills.append(el("span", "not checked under TFLM", class_="pill"))
    else:
        wrong = exact.different
        text = (
            f"{exact.compared:,} output bytes equal under TFLM"
            if not wrong
            else f"{wrong:,} output bytes differ under TFLM"
        )
        pills.append(el("span", text, class_=f"pill {'bad' if wrong else 'good'}"))
    if facts.worse_than_guessing:
        pills.append(el("span", "worse than chance", class_="pill bad"))
    never = [name for i, name in enumerate(facts.classes) if facts.confusion and _never_right(facts.confusion[i], i)]
    if never:
        text = f"{len(never)} classes are" if len(never) > 1 else f"class {never[0]} is"
        pills.append(el("span", f"{text} never recognised", class_="pill bad"))
    warning = None
    if facts.synthetic:
        text = (
            "Trained and tested on synthetic examples: these figures say how well the tool works, not how well the "
            "model does on real ones."
        )
        warning = el("p", el("b", "SYNTHETIC DATA. "), text, class_="warning")
    value, noun = facts.scores[-1], facts.noun
    if facts.metric == "accuracy":
        lead = f" of {facts.samples['test']:,} test {noun} right ({value.name})"
    else:
        lead = f" {metric_label(facts.metric)} on {facts.judged:,} test {facts.judged_noun} ({value.name})"
    if facts.metric == "accuracy" and facts.balanced is not None:
        lead += f"; balanced accuracy {percent(facts.balanced)}"
    return el(
        "header",
        el("p", f"micronets {facts.versions['micronets']}", class_="small"),
        el("h1", f"{facts.task} on {facts.board.name}"),
        warning,
        el(
            "p",
            el("b", percent(value.value)),
            lead,
            class_="lead bad" if facts.worse_than_guessing else "lead",
        ),
        el("ul", [el("li", remark[0].upper() + remark[1:] + ".") for remark in facts.remarks], class_="warning")
        if facts.remarks
        else None,
        el("p", pills),
    )


def _never_right(row: Sequence[int], index: int) -> bool:
    """Returns whether a class with examples (`row` of the confusion counts, at `index`) has a recall of 0."""
    return sum(row) > 0 and row[index] == 0


def _budget_section(facts: Facts) -> Markup:
    """Shows every limit of the budget, and the best figure for it."""
    rows = facts.limits
    bars = [(r.label, r.value, r.limit, f"{amount(r.value, r.unit)} of {amount(r.limit, r.unit)}", r.met) for r in rows]
    cells = [
        (
            r.label,
            amount(r.value, r.unit),
            amount(r.limit, r.unit),
            f"{r.value / r.limit:.1%}",
            f"{r.source}: {r.note}" if r.note else r.source,
        )
        for r in rows
    ]
    return section(
        "Result against budget",
        charts.both_widths(lambda width: charts.budget_bars(bars, width)),
        html_table(("limit", "result", "allowed", "used", "source"), cells, numeric=(1, 2, 3), own_line="last"),
    )


def _accuracy_section(facts: Facts) -> Markup:
    """Shows the scores of each form of the network on the test split."""
    rows = [(r.name, percent(r.value), r.source) for r in facts.scores]
    last, metric, interval = facts.scores[-1], facts.metric, facts.interval
    others = [(metric_label(name), percent(value)) for name, value in last.metrics.items() if name != metric]
    text = f"On {facts.judged:,} test {facts.judged_noun}. {_meaning(metric)} Data: {facts.source}."
    return section(
        _meaning(metric).split(":")[0].rstrip("."),
        el("p", text),
        html_table(("model", metric_label(metric), "source"), rows, numeric=(1,)),
        el("p", f"{last.name}: {interval_text(interval)}.", class_="small") if interval else None,
        html_table((f"also, of {last.name}", ""), others, numeric=(1,)) if others else None,
    )


def _deployment_section(facts: Facts) -> Markup:
    """Shows the costs of the generated C on the simulated board."""
    c = facts.c
    if c is None:
        return section("As C on the board", el("p", f"Not measured here: {install('sim')}. The C is in the folder c."))
    tflm = c.arena_tflm_cortex_m_bytes
    if c.no_times is None:
        unit, about, total = "cycles", f"Cycles: {c.sources.cycles}", c.cycles
        rows = [
            ("latency", amount(c.latency_ms, "ms"), f"{c.cycles:,} cycles, +-{c.uncertainty:.0%}"),
            ("energy", amount(c.energy_mj, "mJ"), f"latency x {facts.board.active_power_w:g} W"),
        ]
    else:
        unit, about, total = "instructions", c.no_times, c.instructions
        rows = [("instructions", f"{c.instructions:,}", c.no_times)]
    rows += [
        (
            "SRAM",
            amount(c.sram_bytes, "B"),
            f"arena {c.arena_c_bytes:,}, stack {c.stack_bytes:,}; TFLM's arena {tflm:,}",
        ),
        ("flash", amount(c.flash_bytes, "B"), f"code {c.code_bytes:,}, the rest weights and tables"),
    ]
    equal = "equal the integer reference's, every byte" if c.bit_exact else "DIFFER from the integer reference's"
    counts = [r.instructions if c.no_times else r.cycles for r in c.per_layer]
    layers = [
        (r.name, r.kind, f"{r.macs:,}", f"{n:,}", _share(n, total)) for r, n in zip(c.per_layer, counts, strict=True)
    ]
    return section(
        "As C on the board",
        el(
            "p",
            f"The C in the folder c, run on a simulated {c.board}: outputs for {counted(c.samples, 'inputs')} {equal}.",
        ),
        html_table(("", "", ""), rows, numeric=(1,)),
        html_table(("layer", "kind", "MACs", unit, "share"), layers, numeric=(2, 3, 4), own_line="first"),
        el("p", f"Source: {c.source}, {c.toolchain}. {about}.", class_="small"),
    )


def _share(part: int | None, whole: int | None) -> str:
    """Returns the text of a part as a share of the whole, or "" if one of the two is unknown."""
    return f"{part / whole:.1%}" if part is not None and whole else ""


def _battery_section(facts: Facts) -> Markup | None:
    """Shows the battery life; nothing if it is unknown."""
    cycle, c = facts.battery, facts.c
    if cycle is None or c is None:
        return None
    sleep = facts.board.sources.get("sleep_power_w", "not known; its board file may say it (sleep_power_w)")
    often = "one inference" if cycle.rate == 1 else f"{cycle.rate:.3g} inferences"
    text = (
        f"At {often} a second, asleep in between. Waking up, regulators, sensors and other parts are"
        " not counted. For another rate: micronets measure --rate."
    )
    return section(
        "Battery",
        el("p", text),
        html_table(("", "", ""), battery.duty_rows(cycle), numeric=(1,)),
        el(
            "p",
            f"Run power: {facts.board.sources['active_power_w']}. Sleep power: {sleep}. Latency: {c.source}.",
            class_="small",
        ),
    )


def _curves(
    series: Sequence[charts.Series],
    label: str,
    limit: float | None = None,
    mark: int | None = None,
    zero: bool = True,
    over: str = "epoch",
) -> Markup:
    """Draws curves over the epochs, for wide and for narrow screens; the arguments are those of `charts.line_chart`.

    - `over`: the items of the horizontal axis, if not epochs.
    """
    return charts.both_widths(lambda width: charts.line_chart(series, label, over, limit, mark, zero, width))


def _space_section(facts: Facts) -> Markup | None:
    """Shows how the space was chosen; None if the configuration names it."""
    trials = facts.trials
    if trials is None:
        return None
    rows = [
        (str(t.round), t.space, percent(t.score), f"{t.examples:,}", amount(t.macs, "MACs"))
        for part in trials.rounds()
        for t in part
    ]
    metric = metric_label(facts.metric)
    head = ("round", "space", f"best network, {metric}, validation", f"{facts.noun} seen", "work")
    text = (
        f"Networks of all spaces of the task were trained on equally many {facts.noun}. After every round the better "
        f"half of the spaces stayed. {trials.chosen} was then searched."
    )
    left_out = [el("li", f"{name}: {reason}") for name, reason in trials.left_out.items()]
    return section(
        "Choice of the space",
        el("p", text),
        html_table(head, rows, numeric=(0, 2, 3, 4)) if rows else None,
        el("p", "Left out:") if left_out else None,
        el("ul", *left_out) if left_out else None,
    )


def _search_section(facts: Facts) -> Markup:
    """Shows the course of the search."""
    history = facts.search.history
    if not history:
        return section("Search", el("p", "No search: the architecture was given."))
    noted = [record for record in history if not isinstance(record, Finalist)]
    match noted[-1]:
        case SupernetEpoch():
            return _supernet_section(facts)
        case TrainedCandidate():
            return _candidates_section(facts)
        case ChosenCut() as chosen:
            return _cut_networks_section(facts, chosen)
        case other:
            assert_never(other)


def _finals_section(facts: Facts) -> Markup | None:
    """Shows the rounds in which networks were compared at the end of a search, if there were any."""
    rounds = [record for record in facts.search.history if isinstance(record, Finalist)]
    if not rounds:
        return None
    label, numbers = metric_label(facts.metric), sorted({r.round for r in rounds})
    networks = [r for r in rounds if r.round == 1]
    of_round = {n: {tuple(r.values.items()): r for r in rounds if r.round == n} for n in numbers}
    rows = []
    for first in networks:
        own = [of_round[n].get(tuple(first.values.items())) for n in numbers]
        rows.append((ORIGINS[first.origin], *("-" if r is None else percent(r.accuracy) for r in own)))
    examples = ", ".join(f"{next(iter(of_round[n].values())).examples:,}" for n in numbers)
    text = (
        f"The networks that the search found were compared with networks that need no search, by their {label} on "
        f"validation {facts.noun} after each round of training. Training {facts.noun} of a network in each round: "
        f"{examples}. The best of the last round was chosen; a uniform network stays to the last round."
    )
    heads = ("network", *(f"round {n}" for n in numbers))
    return section("The finalists", el("p", text), html_table(heads, rows, numeric=range(1, len(heads))))


def _supernet_section(facts: Facts) -> Markup:
    """Shows a search that trained weights and architecture together."""
    text = (
        "One supernet holds all networks of the space. The curves show its loss, and the costs of its most likely "
        "network. At first only its weights are trained. The final network is checked with exact costs, repaired if "
        "it misses a limit, and enlarged if there is room."
    )
    history = [h for h in facts.search.history if isinstance(h, SupernetEpoch)]
    rates = [charts.Series("accuracy", [h.accuracy for h in history])]
    return section(
        "Search trajectory",
        el("p", text),
        _curves([charts.Series("loss", [h.loss for h in history])], "loss"),
        _curves(_shares_of_limits(facts), "cost as a share of its limit", limit=1.0),
        _curves(rates, f"accuracy of the networks drawn, on augmented training {facts.noun}", zero=False),
    )


def _candidates_section(facts: Facts) -> Markup:
    """Shows a search that trained some networks separately."""
    history, label = facts.search.history, metric_label(facts.metric)
    text = (
        f"{counted(len(history), 'networks')} within the limits, trained separately, one after another. The one with "
        f"the best {label} on validation {facts.noun} was chosen."
    )
    rates = [charts.Series(label, [h.accuracy for h in history])]
    return section(
        "Networks that were tried",
        el("p", text),
        _curves([charts.Series("loss", [h.loss for h in history])], "loss of the last epoch", over="network"),
        _curves(_shares_of_limits(facts), "cost as a share of its limit", limit=1.0, over="network"),
        _curves(rates, f"{label} on validation {facts.noun}", zero=False, over="network"),
    )


def _cut_networks_section(facts: Facts, chosen: ChosenCut) -> Markup:
    """Shows a search among subnetworks of a trained supernet, and the chosen one."""
    label, losses = metric_label(facts.metric), chosen.compared
    text = (
        "One supernet holds all networks of the space, and was trained so that its subnetworks work as they are: for "
        "one run, each step trains one network within the limits; for a sweep, the largest and smaller ones "
        "together. The curves show the trained networks, in a sweep the largest one. "
        f"{counted(len(losses), 'networks')} within the limits were compared as cut, by their loss on validation "
        f"{facts.noun}: {min(losses):.4g} to {max(losses):.4g}. The best one has a loss of {chosen.loss:.4g}, {label} "
        f"{percent(chosen.accuracy)}."
    )
    epochs = [h for h in facts.search.history if isinstance(h, SupernetEpoch)]
    rates = [charts.Series("accuracy", [h.accuracy for h in epochs])]
    return section(
        "Search trajectory",
        el("p", text),
        _curves([charts.Series("loss", [h.loss for h in epochs])], "loss of the largest network"),
        _curves(rates, f"accuracy of the largest network, on augmented training {facts.noun}", zero=False),
    )


def _shares_of_limits(facts: Facts) -> list[charts.Series]:
    """Returns a curve for each limit: the cost as a share of it, in every record of the search."""
    labels = {r.name: r.label for r in facts.limits}
    return [
        charts.Series(
            labels.get(name, name),
            [
                h.costs[name] / limit if name in h.costs else None
                for h in facts.search.history
                if not isinstance(h, Finalist)
            ],
        )
        for name, limit in facts.search.limits.items()
    ]


def _choices_section(facts: Facts) -> Markup:
    """Shows the value of every choice, beside the largest network of the space."""
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
    return section(
        "Chosen network against the largest of the space",
        html_table(("", "chosen", "largest"), totals, numeric=(1, 2)),
        charts.both_widths(lambda width: charts.choice_bars(bars, width)) if bars else None,
        html_table(("choice", "kind", "chosen", "options"), others, numeric=(2,)),
    )


def _memory_section(facts: Facts) -> Markup:
    """Shows TFLM's memory plan."""
    plan = facts.plan
    steps = [row.name for row in facts.layers]
    text = (
        f"Where TensorFlow Lite Micro puts each buffer while each layer runs: {plan.bytes:,} bytes. Persistent "
        f"structures take the rest of the arena, {plan.arena_bytes:,} bytes predicted on a 64-bit host (source: "
        "estimated)."
    )
    found = facts.arena.found
    if found is not None:
        text += f" The smallest arena in which TFLM really runs there, by bisection: {found:,} bytes (source: host)."
    chart = charts.both_widths(lambda width: charts.memory_chart(plan.buffers, steps, plan.bytes, None, width))
    return section("Memory over time", el("p", text), chart)


def _layers_section(facts: Facts) -> Markup:
    """Shows the estimated figures of every layer."""
    head = ("layer", "kind", "output", "MACs", "bits", "parameters", "weight bytes", "live bytes")
    rows = [
        (
            r.name,
            r.kind,
            " x ".join(map(str, r.output_shape)),
            f"{r.macs:,}",
            "" if r.weight_bits is None else str(r.weight_bits),
            *(f"{n:,}" for n in (r.params, r.weight_bytes, r.live_bytes)),
        )
        for r in facts.layers
    ]
    layers = facts.layers
    macs, params, size = (f"{sum(getattr(r, name) for r in layers):,}" for name in ("macs", "params", "weight_bytes"))
    total = ("total", "", "", macs, "", params, size, "")
    return section(
        "Layer by layer",
        html_table(head, [*rows, total], numeric=range(3, 8), own_line="first three"),
        el("p", "Source: estimated.", class_="small"),
    )


def _training_section(facts: Facts) -> Markup:
    """Shows the course of the training, epoch by epoch."""
    history = facts.train.history
    if not history:
        return section("Training", el("p", "No record of a training."))
    losses = [charts.Series("loss", [h.loss for h in history])]
    label = metric_label(history[-1].metric)
    rates = [charts.Series(label, [h.score for h in history])]
    switch = next((i for i, h in enumerate(history) if h.stage != "float"), None)
    text = f"In float for {counted(switch, 'epochs')}, then with simulated quantisation (shaded)." if switch else None
    return section(
        "Training",
        el("p", text) if text else None,
        _curves(losses, f"loss on augmented training {facts.noun}", mark=switch),
        _curves(rates, f"{label} on validation {facts.noun}", mark=switch, zero=False),
    )


def _confusion_section(facts: Facts) -> Markup | None:
    """Shows the confusion matrix; nothing if the task has none."""
    confusion = facts.confusion
    if confusion is None:
        return None
    rows = [
        (name, f"{sum(row):,}", percent(row[i] / sum(row)) if sum(row) else "")
        for i, (name, row) in enumerate(zip(facts.classes, confusion, strict=True))
    ]
    return section(
        "Confusion",
        charts.both_widths(lambda width: charts.confusion_chart(confusion, facts.classes, width)),
        html_table(("class", f"test {facts.judged_noun}", "right"), rows, numeric=(1, 2)),
    )


def _origin_section(facts: Facts) -> Markup:
    """Shows data, board, seed, versions, commands and configuration of the run."""
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
        ("time", ", ".join(f"{stage} {duration(s) if s >= 1 else 'under 1 s'}" for stage, s in facts.seconds.items())),
        *((name, version) for name, version in facts.versions.items()),
    ]
    return section(
        "Where this comes from",
        el("h3", "Commands"),
        el("pre", "\n".join(facts.commands)),
        html_table(("", ""), rows),
        el("h3", "Sources of the numbers"),
        html_table(("source", "meaning"), SOURCE_MEANINGS.items()),
        el("details", el("summary", "Configuration"), el("pre", facts.config)),
    )
