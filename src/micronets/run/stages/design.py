"""The stages of a run that make the model: search, teacher, train, export. Each reads and writes files of the run."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from micronets import tflite
from micronets.boards.board import Budget
from micronets.cost.costs import METADATA_BYTES
from micronets.errors import CheckFailed, SpecError
from micronets.files import digest, fingerprint, write_atomic
from micronets.ir.arch import Arch
from micronets.ir.space import derive
from micronets.run import directory
from micronets.run.config import largest, make_space, space_table
from micronets.run.context import Work, settings_for
from micronets.run.directory import ARCH, MODEL, SEARCH_LOG, SUPERNET, TEACHER_WEIGHTS, TRAIN_LOG, VALUES, WEIGHTS
from micronets.run.stages.compile import judge

if TYPE_CHECKING:
    from micronets.design.net import Net


def search_inputs(work: Work) -> dict[str, Any]:
    """What the stage depends on."""
    settings = settings_for(work, "board", "budget", "runtime", "latency_model", "space", "search")
    return {**settings, "board file": digest(repr(work.board))}


def search(work: Work) -> Sequence[str]:
    """The stage: finds the network, writes it, its choices and its weights out of the supernet."""
    from micronets.design.dnas import search

    found = search(
        work.space,
        work.data,
        less_metadata(work),
        work.board,
        work.config.search,
        seed=work.config.seed,
        directory=work.run / "search",
        progress=work.progress,
        runtime=work.runtime,
        measure=judge(work),
    )
    write_atomic(work.run / SEARCH_LOG, _json_lines(found.history))
    write_atomic(work.run / VALUES, json.dumps(found.values, indent=1) + "\n")
    write_atomic(work.run / ARCH, found.arch.to_json())
    write_weights(work.run / SUPERNET, found.state)
    return ARCH, VALUES, SUPERNET, SEARCH_LOG


def less_metadata(work: Work) -> Budget:
    """The budget less the labels and the front end in the file, as far as they are larger than the costs assume."""
    budget, metadata = work.config.budget, work.data.metadata({})
    taken = sum(len(name.encode()) + len(text.encode()) + 64 for name, text in metadata.items())
    more = max(0, taken - METADATA_BYTES)
    carried = ("tflite_bytes", "flash_bytes") if work.config.runtime == "tflm" else ("tflite_bytes",)  # our C has no metadata
    less = {name: limit - more for name, limit in budget.limits().items() if name in carried}
    return replace(budget, **less)  # type: ignore[arg-type]


def teacher_inputs(work: Work) -> dict[str, Any]:
    """What the stage depends on."""
    inputs = {**settings_for(work, "space", "teacher"), **directory.check_outputs(work.run, "search")}
    teacher = work.config.teacher
    if teacher is not None and teacher.run:
        weights = Path(teacher.run) / WEIGHTS
        if not weights.is_file():
            raise SpecError(f"teacher.run = '{teacher.run}': no {weights} there; finish that run first")
        inputs["teacher weights"] = fingerprint(weights)
    return inputs


def teacher(work: Work) -> Sequence[str]:
    """The stage: trains the teacher in float, if the configuration has one that is not trained already."""
    from micronets.design.train import fit

    teacher = work.config.teacher
    if teacher is None or teacher.train is None:
        return ()
    fit(
        teacher_arch(work),
        work.data,
        work.input_settings,
        replace(teacher.train, qat_epochs=0),
        seed=work.config.seed + 1,
        directory=work.run / "teacher",
        progress=lambda event: work.progress({**event, "stage": "teacher"}),
    )
    return (TEACHER_WEIGHTS,)


def teacher_arch(work: Work) -> Arch:
    """The teacher's network: the largest of its space, with the input of the network that the search chose."""
    assert work.config.teacher is not None
    table = space_table(work.config.task, {**work.config.space, **work.config.teacher.options}, "teacher.options")
    space = make_space(work.config.task, table, len(work.data.classes), work.data.space_options)
    inputs = {c.name: work.values[c.name] for c in space.choices if c.name in work.input_settings}
    return derive(space, largest(space, {**work.config.teacher.values, **inputs}))


def train_inputs(work: Work) -> dict[str, Any]:
    """What the stage depends on."""
    earlier = directory.check_outputs(work.run, "search") | directory.check_outputs(work.run, "teacher")
    return {**settings_for(work, "train", "init"), **earlier}


def train(work: Work) -> Sequence[str]:
    """The stage: trains the network that the search chose."""
    from micronets.design.train import fit

    fit(
        work.arch,
        work.data,
        work.input_settings,
        work.config.train,
        seed=work.config.seed,
        init=read_weights(work.run / SUPERNET) if work.config.init == "supernet" else None,
        teacher=_guide(work),
        directory=work.run / "train",
        progress=work.progress,
    )
    return WEIGHTS, TRAIN_LOG


def _guide(work: Work) -> Net | None:
    """The teacher's network, in float. Raises `SpecError` if that of another run has another input or other outputs."""
    from micronets.design.train import load_result

    teacher = work.config.teacher
    if teacher is None:
        return None
    if not teacher.run:
        return load_result(work.run / "teacher").float_net()
    net = load_result(Path(teacher.run) / "train").float_net()
    mine = work.arch.input_shape, work.arch.output_shape
    theirs = net.arch.input_shape, net.arch.output_shape
    if mine != theirs:
        raise SpecError(
            f"teacher.run = '{teacher.run}': its network maps {theirs[0]} to {theirs[1]}, this one {mine[0]} to {mine[1]}; "
            "fix the input with [space.fix], or train a teacher in this run"
        )
    return net


def export_inputs(work: Work) -> dict[str, Any]:
    """What the stage depends on."""
    return {**settings_for(work), **directory.check_outputs(work.run, "search"), **directory.check_outputs(work.run, "train")}


def export(work: Work) -> Sequence[str]:
    """The stage: writes model.tflite. Raises `CheckFailed` if it does not read back as it was written."""
    from micronets.design.export import to_quantized
    from micronets.design.train import load_result

    metadata = work.data.metadata(work.input_settings)
    if work.data.synthetic:
        metadata |= {"micronets.data": work.data.source}
    content = tflite.write(to_quantized(load_result(work.run / "train").net, metadata))
    if tflite.write(tflite.read(content)) != content:
        raise CheckFailed(
            f"{work.run / MODEL}: does not read back as it was written; this is a bug of micronets, please report it"
        )
    write_atomic(work.run / MODEL, content)
    return (MODEL,)


def trained(work: Work) -> dict[str, Net]:
    """The trained networks by name: in float, and with quantisation simulated."""
    from micronets.design.train import load_result

    result = load_result(work.run / "train")
    return {"float": result.float_net(), "fake-quantised": result.net}


def write_weights(path: Path, state: Mapping[str, Any]) -> None:
    """A torch state dict, written whole or not at all."""
    import torch

    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    write_atomic(path, buffer.getvalue())


def read_weights(path: Path) -> dict[str, Any]:
    """What `write_weights` wrote, on the CPU."""
    import torch

    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def _json_lines(records: Sequence[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(r) + "\n" for r in records)
