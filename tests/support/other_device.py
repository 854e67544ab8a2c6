"""A second device that computes: tensors that say they are on `meta` but hold values, and refuse to meet CPU tensors.

With it, code for a GPU runs where there is none: what would be "Expected all tensors to be on the same device" there
is an `AssertionError` here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils import _foreach_utils
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map

OTHER = torch.device("meta")

_aten = torch.ops.aten
_CROSSING = {_aten._to_copy.default, _aten.copy_.default}  # operators whose purpose is to go from device to device
_CPU_INDICES = {_aten.index.Tensor, _aten.index_put.default, _aten.index_put_.default}  # as CUDA takes them
_NO_SCALARS = {_aten.cat.default, _aten.stack.default}  # CUDA takes no 0-d CPU tensor here


class OtherTensor(Tensor):
    """A tensor of the other device: `inner` holds its values on the CPU."""

    inner: Tensor

    @staticmethod
    def __new__(cls, inner: Tensor) -> OtherTensor:
        """Wraps a CPU tensor, whose sizes and strides the new one has."""
        made = Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls,
            inner.shape,
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            layout=inner.layout,
            device=OTHER,
            requires_grad=False,
        )
        made.inner = inner
        return made

    __torch_function__ = torch._C._disabled_torch_function_impl

    def tolist(self) -> Any:
        """Returns the values as Python numbers; torch's own method refuses subclasses."""
        return self.cpu().tolist()

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return computed(func, args, kwargs or {})


class _OtherDevice(TorchDispatchMode):
    """Sends every operator through `computed`, those that create tensors too."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return computed(func, args, kwargs or {})


class _MadeThere(TorchFunctionMode):
    """Brings what `torch.tensor` and `torch.as_tensor` make to the other device; on `meta` they would drop values."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = dict(kwargs or {})
        if func not in (torch.tensor, torch.as_tensor) or given.get("device") != OTHER:
            return func(*args, **given)
        del given["device"]
        return func(*args, **given).to(OTHER)


def computed(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Computes an operator on the inner tensors. Raises `AssertionError` where tensors of both devices meet."""
    tensors = [t for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)]
    other = [t for t in tensors if isinstance(t, OtherTensor)]
    plain = [t for t in tensors if not isinstance(t, OtherTensor)]
    if func in _CPU_INDICES and isinstance(args[0], OtherTensor):
        plain = []
    strangers = [t for t in plain if t.ndim or func in _NO_SCALARS]
    if other and strangers and func not in _CROSSING:
        shapes = ", ".join(str(list(t.shape)) for t in strangers)
        raise AssertionError(f"{func}: a CPU tensor {shapes} meets one of another device")
    if func is _aten.copy_.default:
        args[0].inner.copy_(_inner(args[1])) if isinstance(args[0], OtherTensor) else args[0].copy_(_inner(args[1]))
        return args[0]
    device = kwargs.get("device")
    goes = bool(other) if device is None else torch.device(device) == OTHER
    inside = tree_map(_inner, kwargs)
    if device is not None:
        inside["device"] = torch.device("cpu")
    out = func(*tree_map(_inner, args), **inside)
    if not goes:
        return out
    out = tree_map(lambda t: OtherTensor(t) if isinstance(t, Tensor) else t, out)
    return return_and_correct_aliasing(func, args, kwargs, out) if other else out


def _inner(value: Any) -> Any:
    return value.inner if isinstance(value, OtherTensor) else value


@contextmanager
def other_device(monkeypatch: Any) -> Iterator[torch.device]:
    """Makes the other device usable in the block, and gives it.

    Generators of random numbers stay on the CPU, as `meta` has none; optimisers take their fused form, as on a GPU.
    """
    real = torch.Generator

    class CpuGenerator:
        """Makes generators of the CPU, whatever device is asked for."""

        def __new__(cls, device: object = "cpu") -> Any:
            return real("cpu")

    fused = _foreach_utils._get_fused_kernels_supported_devices()
    monkeypatch.setattr(torch, "Generator", CpuGenerator)
    monkeypatch.setattr(torch, "inference_mode", torch.no_grad)  # subclasses of tensors do not work in it
    for name in ("torch.utils._foreach_utils", "torch.optim.adam", "torch.optim.optimizer", "torch.optim.sgd"):
        module = import_module(name)
        if hasattr(module, "_get_fused_kernels_supported_devices"):
            monkeypatch.setattr(module, "_get_fused_kernels_supported_devices", lambda: [*fused, "meta"])
    with _MadeThere(), _OtherDevice():
        yield OTHER
