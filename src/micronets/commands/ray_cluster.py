"""Ray, which distributes work over the processors of this machine or of a cluster: connecting and starting."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from micronets.errors import MicronetsError, SpecError
from micronets.installation import require

LOCAL = "local"
"""The address that stands for Ray on this machine alone, started for the duration of the work."""


@contextmanager
def reached(address: str) -> Iterator[None]:
    """Connects with the cluster at `address` while the block runs; `LOCAL` or an empty address needs no connection.

    Raises `MissingPackageError` without Ray, and `SpecError` if there is no cluster at the address.
    """
    if address:
        require("ray")
    if address in ("", LOCAL):
        yield
        return
    import ray

    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        if host and port.isdigit():  # Ray itself would try for minutes, and then end this process
            socket.create_connection((host, int(port)), timeout=10).close()
        ray.init(address=address, log_to_driver=False)
    except (OSError, OverflowError, ValueError, RuntimeError) as e:
        reason = str(e).strip().splitlines()[0].rstrip(".")
        raise SpecError(f"ray = '{address}': no cluster is reached ({reason}); 'local' needs none") from e
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def running(address: str, processors: int, way_out: str) -> Iterator[None]:
    """Provides Ray for tasks while the block runs: started here, or the connected cluster (`reached`).

    - `address`: `LOCAL`, or the address of the cluster.
    - `processors`: the number of processors for the tasks of a Ray that is started here.
    - `way_out`: what the user can do if it does not start.

    Raises `MicronetsError` if it does not start.
    """
    if address != LOCAL:
        yield
        return
    import ray

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # otherwise Ray reports its use to its makers
    try:
        ray.init(num_cpus=processors, include_dashboard=False, log_to_driver=False)
    except Exception as e:  # Ray raises a plain Exception if its processes do not start within half a minute
        ray.shutdown()
        raise MicronetsError(f"ray = 'local': Ray did not start ({str(e).strip().splitlines()[0]}); {way_out}") from e
    try:
        yield
    finally:
        ray.shutdown()
