"""DNAS: weights and architecture of a `Supernet` trained together under hard limits (MicroNets, Section 5.1).

The loss is cross-entropy + penalty * sum over limits of max(0, cost / limit - 1). The costs of a step are those of the
drawn sample, from the same functions that cost an `Arch`. They are multiplied by the ratio between the exact and the
relaxed cost of the most likely network (a memory plan is larger than the live bytes that it places). Relaxed costs only
guide: the result is derived, checked in integers, repaired if it misses a limit, and enlarged if room is left.

`dnas_loop.py` has the training steps, `budget_fitter.py` the search in integers for a network that meets the limits.
"""

from __future__ import annotations

import torch

from micronets.design.cut_networks import CutNetworks
from micronets.design.data_digest import data_digest
from micronets.design.dnas_loop import SearchLoop, input_settings
from micronets.design.finals import Candidate, finals
from micronets.design.search_job import SearchJob
from micronets.design.search_result import SearchResult, meet_measured_limits
from micronets.design.search_settings import SearchSettings
from micronets.design.supernet import Supernet
from micronets.design.torch_ops import pick_device, prepare_cpu
from micronets.errors import DataError
from micronets.files import digest
from micronets.ir.space import derive

__all__ = ["SearchResult", "SearchSettings", "input_settings", "search"]


def search(job: SearchJob) -> SearchResult:
    """Searches a space for the most accurate network that meets the limits.

    With `settings.dnas_finals`, the supernet's result is compared with networks that need no search (`finals`).

    Raises `BudgetError` before any training if nothing in the space can meet the limits, `TrainingError` if the loss is
    not a number, `FileError` if a checkpoint cannot be written, `SpecError` for a checkpoint of another search, and
    `DataError` if finalists must be compared and there are no validation examples.
    """
    settings, data, seed = job.settings, job.data, job.seed
    fitter = job.fitter()
    feasible = fitter.feasible_shapes()
    prepare_cpu()
    device = pick_device(settings.device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        supernet = Supernet(job.space).to(device)
    _forbid_infeasible(supernet, feasible)
    compares = settings.dnas_finals and settings.final_share > 0
    if compares and not data.size("val"):
        raise DataError("the data have no validation examples; finalists are compared on them: set dnas_finals = false")
    share = 1 - settings.final_share if compares else 1.0
    loop = SearchLoop(supernet, fitter, job.board, job.runtime, data, settings, seed, device, share)
    of_data = data_digest(data, input_settings(data, job.space.largest()))
    of_board = job.budget, job.board, job.runtime.runtime
    facts = (job.space.name, job.space.choices, of_data, *of_board, settings.decisive(), seed)
    stamp = digest(repr(facts))
    path = job.directory / "checkpoint.pt"
    loop.resume(path, stamp)
    loop.run(job.progress, path, stamp)
    likely, probabilities = supernet.most_likely(), supernet.probabilities()
    if compares:
        searched = Candidate("searched", likely, probabilities, settings.fill_log_ratio)
        return finals([searched], CutNetworks(loop, data), job, fitter, loop.history)
    values, measured = meet_measured_limits(
        fitter, likely, probabilities, job.limits, job.measure, job.progress, settings.fill_log_ratio
    )
    arch = derive(job.space, values)
    state = supernet.slice(arch, loop.calibration_batches(values))
    return SearchResult(values, arch, dict(fitter.costs(values)), measured, tuple(loop.history), state)


def _forbid_infeasible(supernet: Supernet, feasible: list[dict[str, int]]) -> None:
    """Makes the probability of shape options that allow no network practically 0, so that they are not drawn."""
    for c in supernet.space.choices:
        if c.kind == "shape":
            for k, option in enumerate(c.options):
                if all(shapes[c.name] != option for shapes in feasible):
                    supernet.alphas[c.name].data[k] = -30.0
