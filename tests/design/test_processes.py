"""Two processes that train or search together do what one does, within the rounding of float32."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.needs import needs

torch = needs("torch", "design")

from micronets.design.processes import ALONE, Group, ProcessLost
from micronets.errors import SpecError
from tests.support.several_processes import COUNT, WAIT, connected, outcomes


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory):
    """Returns what one process leaves, what two leave, and the error that the first gets when the second is gone."""
    if not torch.distributed.is_available():
        pytest.skip("this torch cannot connect processes")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    folders = [tmp_path_factory.mktemp(name) for name in ("alone", "first", "second")]
    store = torch.distributed.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False, timeout=WAIT)
    words = [sys.executable, "-m", "tests.support.several_processes", str(store.port), str(folders[2])]
    second = subprocess.Popen(words, cwd=Path(__file__).parents[2], stderr=subprocess.PIPE, text=True)
    try:
        alone = outcomes(folders[0])
        with connected(store, 0) as group:
            together = outcomes(folders[1])
            assert second.wait(WAIT.seconds) == 0, second.communicate()[1]
            with pytest.raises(ProcessLost) as lost:
                group.sum(torch.ones(3))
    finally:
        second.kill()
        second.communicate()
        torch.set_num_threads(threads)
    return alone, together, lost.value


@pytest.mark.parametrize("name", ["training", "SearchLoop", "PathLoop", "SandwichLoop"])
def test_two_processes_do_the_steps_of_one(left, name: str) -> None:
    """Rows are shared unevenly, and batch norm, hints, mixup and a limit that binds take part."""
    alone, together, _ = left
    assert alone[name].keys() == together[name].keys()
    for part, value in alone[name].items():
        torch.testing.assert_close(together[name][part], value, rtol=2e-4, atol=2e-5, msg=lambda text, p=part: p + text)
    if name == "SearchLoop":
        assert any(part.startswith("gradient ") for part in alone[name])


def test_a_process_that_is_gone_is_told_in_a_line(left) -> None:
    assert str(left[2]) == (
        "another of the 2 processes ended early; resume the run with --resume, with any number of processes"
    )


def test_rows_of_all_processes_are_the_batch() -> None:
    for size in (1, 2, 7, 64):
        for count in (1, 2, 3, 5):
            groups = [Group(rank, count) for rank in range(count)]
            assert [i for g in groups for i in range(size)[g.rows(size)]] == list(range(size))
            assert sum(g.share(size) for g in groups) == pytest.approx(1)
    with pytest.raises(SpecError, match=r"batches of 2 examples for 3 processes; use at most 2 processes, or a lar"):
        Group(0, 3).check_batch(2, "train")


def test_one_process_changes_nothing() -> None:
    parameter = torch.nn.Parameter(torch.ones(2))
    ALONE.sum_gradients([parameter])
    assert parameter.grad is None
    values = torch.arange(3.0)
    assert ALONE.sum(values) is values
    assert ALONE.whole(values, 3) is values
    assert COUNT == 2
