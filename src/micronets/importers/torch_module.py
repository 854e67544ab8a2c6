"""`read_module`: makes a `FloatNetwork` of a trained module of PyTorch, which `torch.export` traces.

The traced program consists of operations of ATen, PyTorch's own set. `torch_operations.py` reads most of those that
networks use; `torch.export` takes others apart into simpler ones, as far as it can. Values that depend on parameters
alone, such as weight norm and tables of positions, are computed while the program is read.
"""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from typing import Any

from micronets.errors import SpecError, UnsupportedError
from micronets.importers.channels_first import Builder
from micronets.importers.layouts import ToolTensor
from micronets.importers.network import FloatNetwork, folded
from micronets.importers.quantise import with_requantised_joins
from micronets.importers.torch_operations import ADVICE, OPERATIONS, OTHER_ADVICE
from micronets.importers.torch_reader import WHERE, NotOfTwoError, ProgramReader, base_name, shown_module, unread_ends
from micronets.installation import require
from micronets.ir.layers import Shape


def read_module(module: Any, example: Any) -> FloatNetwork:
    """Returns the network that a module computes in evaluation mode, with its weights.

    - module: a `torch.nn.Module` of one input. It is not changed.
    - example: a tensor of floats `[N, ...]` that the module takes, N at least 1; its values do not matter.

    Batch norms are folded into the layers in front of them. Raises `SpecError` for a `module` or an `example` of
    another type or shape, and `UnsupportedError` for a module that cannot be traced, or that has parts which micronets
    does not have; the message names these by their paths in the module.
    """
    require("torch")
    import torch

    if not isinstance(module, torch.nn.Module):
        raise SpecError(f"{WHERE}: a {_kind(module)} is no module; give a trained torch.nn.Module")
    if not isinstance(example, torch.Tensor):
        raise SpecError(f"{WHERE}: the example is a {_kind(example)}; give a tensor [N, ...] that the module takes")
    if example.ndim < 2 or not example.numel() or not example.is_floating_point():
        shown = f"{str(example.dtype).removeprefix('torch.')} {list(example.shape)}"
        raise SpecError(f"{WHERE}: the example is {shown}; give floats [N, ...], with a batch of at least 1 in front")
    # Traced with two examples, an operation that mixes them shows. A module that takes one example only is traced with
    # one.
    try:
        return _read(module, example[:1].expand(2, *example.shape[1:]).contiguous())
    except NotOfTwoError as refused:
        try:
            return _read(module, example[:1])
        except UnsupportedError:
            raise UnsupportedError(str(refused)) from refused


def _kind(value: Any) -> str:
    return type(value).__name__


def _read(module: Any, example: Any) -> FloatNetwork:
    """Returns the network of a module that is traced with `example`. Raises `NotOfTwoError` as well."""
    program = _exported(module, example)
    signature = program.graph_signature
    if signature.buffers_to_mutate or getattr(signature, "user_inputs_to_mutate", {}):
        changed = ", ".join(dict.fromkeys(signature.buffers_to_mutate.values())) or "its input"
        raise UnsupportedError(
            f"{WHERE}: the module changes {changed} at every call; a module without a state between calls can be read"
        )
    (source,) = (node for node in program.graph.nodes if node.name == signature.user_inputs[0])
    _check_known(program.graph, source)
    reader = ProgramReader(OPERATIONS, example.shape[0], unread_ends(program.graph))
    held = {**program.state_dict, **program.constants}
    names = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    names |= signature.inputs_to_lifted_tensor_constants
    for node in program.graph.nodes:
        match node.op:
            case "placeholder" if node is source:
                reader.values[node] = _input(reader.builder, tuple(example.shape[1:]), _is_map(node))
            case "placeholder":
                reader.values[node] = held[names[node.name]].detach().cpu()
            case "call_function":
                reader.read(node)
            case _:
                pass
    (last,) = (node for node in program.graph.nodes if node.op == "output")
    outputs = [reader.values[node] for node in last.args[0]]
    reader.builder.where = WHERE
    if not all(isinstance(value, ToolTensor) for value in outputs):
        raise UnsupportedError(f"{WHERE}: an output does not depend on the input; return computed tensors only")
    return with_requantised_joins(folded(reader.builder.finish(outputs)))


def _input(builder: Builder, shape: Shape, is_map: bool) -> ToolTensor:
    """Returns the network's input, of shape `shape` in the tool.

    The network has three dimensions: tasks make such inputs.
    """
    if is_map or len(shape) >= 3:
        return builder.input(shape, is_map)
    return builder.reshape("input", builder.input((*shape, *(1,) * (3 - len(shape))), False), shape)


def _exported(module: Any, example: Any) -> Any:
    """Returns the `ExportedProgram` of a module in evaluation mode, in operations of `OPERATIONS` where possible."""
    import torch

    first = next(iter(module.parameters()), None)
    if first is not None:
        example = example.to(first.device, first.dtype)
    kept = OPERATIONS.keys() | ADVICE.keys()
    try:
        with _evaluating(module), _quiet(), torch.no_grad():
            program = torch.export.export(module, (example,))
            table: Any = torch.export.default_decompositions()
            for operation in [o for o in table if str(o) in kept or base_name(str(o)) in kept]:
                table.pop(operation, None)
            return program.run_decompositions(table)
    except Exception as e:  # errors of the module's own code and of the tracer have no common base class
        said = next((line.strip() for line in str(e).splitlines() if line.strip()), _kind(e))
        raise NotOfTwoError(
            f"{WHERE}: torch.export cannot trace the module with an input {list(example.shape)}: {said}; its "
            "forward has to take one tensor and to do the same whatever the values are"
        ) from e


@contextmanager
def _evaluating(module: Any) -> Iterator[None]:
    """Puts a module into evaluation mode, and afterwards each of its parts back into the mode that it was in."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences the logs and warnings that torch.export writes for developers of torch; its errors are still raised."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _check_known(graph: Any, source: Any) -> None:
    """Raises an `UnsupportedError` that names every module with an operation that is not in `OPERATIONS`."""
    found: dict[str, list[str]] = {}
    ways: dict[str, None] = {}
    computed = _computed(graph, source)
    for node in graph.nodes:
        if node not in computed or str(node.target) in OPERATIONS or node.target.__name__ == "getitem":
            continue
        base = base_name(str(node.target))
        names = found.setdefault(shown_module(node), [])
        if base not in names:
            names.append(base)
        ways[ADVICE.get(base, OTHER_ADVICE)] = None
    if found:
        parts = ", ".join(f"{module} computes {' and '.join(names)}" for module, names in found.items())
        raise UnsupportedError(f"{WHERE}: not supported: {parts}; {'; '.join(ways)}")


def _computed(graph: Any, source: Any) -> set[Any]:
    """Returns the nodes of a program that depend on its input, the node `source`."""
    found = {source}
    for node in graph.nodes:
        if node.op == "call_function" and found.intersection(node.all_input_nodes):
            found.add(node)
    return found - {source}


def _is_map(node: Any) -> bool:
    """Tells from the operations that read it whether an input of the program is a map with its channels first."""
    rank = len(node.meta["val"].shape)
    first = next((str(user.target) for user in node.users), "")
    if base_name(first) in ("permute", "transpose"):
        return False
    if rank == 3:
        return any(base_name(str(n.target)) in _TAKES_MAPS for n in node.graph.nodes if n.op == "call_function") and (
            base_name(first) != "unsqueeze"
        )
    return rank == 4


_TAKES_MAPS = (
    "convolution", "max_pool1d", "avg_pool1d", "adaptive_avg_pool1d", "_native_batch_norm_legit_no_training",
)  # fmt: skip
"""Operations that read an input of two dimensions as a map (C, L)."""
