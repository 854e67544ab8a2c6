"""`search`: searches by the method that `SearchSettings.method` names. All methods keep the same hard limits."""

from __future__ import annotations

from typing import assert_never

from micronets.design import candidates, dnas, sandwich
from micronets.design.search_job import SearchJob
from micronets.design.search_result import SearchResult


def search(job: SearchJob) -> SearchResult:
    """Searches a space for an accurate network that meets the limits, by the method that the settings name.

    - `dnas`: weights and architecture of a supernet are trained together (`dnas.search`).
    - `supernet`: a supernet is trained so that its subnetworks work without further training; evolution finds the best
      of these (`sandwich.search`).
    - `random`, `uniform`: single networks are trained, each for a share of the epochs (`candidates.search`).

    Raises what `dnas.search` raises. All methods but `dnas` choose by validation examples, and raise `DataError` if
    there are none.
    """
    match job.settings.method:
        case "dnas":
            return dnas.search(job)
        case "supernet":
            return sandwich.search(job)
        case "random" | "uniform":
            return candidates.search(job)
        case _:
            assert_never(job.settings.method)
