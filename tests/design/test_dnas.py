import dataclasses
import math

import pytest

from tests.support.needs import needs

torch = needs("torch", "design")

from micronets.boards.board import Budget
from micronets.cost.costs import budget_costs
from micronets.design import dnas_loop
from micronets.design.budget_fitter import BudgetFitter
from micronets.design.dnas import SearchSettings, search
from micronets.design.net import Net
from micronets.design.search_job import SearchJob
from micronets.design.search_result import meet_measured_limits
from micronets.errors import BudgetError, FileError, SpecError, TrainingError
from micronets.ir.space import derive
from tests.support.tiny_task import TinyTask, tiny_space

SETTINGS = SearchSettings(epochs=4, batch=32, lr=0.02, arch_lr=0.1, precision="fp32")


def run(tmp_path, board, budget=None, settings=SETTINGS, space=None, progress=lambda _: None):
    options = {"seed": 1, "directory": tmp_path, "progress": progress}
    return search(SearchJob(space or tiny_space(), TinyTask(), budget or Budget(macs=9000), board, settings, **options))


def test_result_meets_the_budget_and_comes_with_its_weights(tmp_path, board) -> None:
    reports = []
    found = run(tmp_path, board, progress=reports.append)
    assert found.costs["macs"] <= 9000
    assert found.costs["macs"] == budget_costs(found.arch, board, ("macs",))["macs"]
    assert found.arch == derive(tiny_space(), found.values)
    Net(found.arch).load_state_dict(found.state)
    assert [h.epoch for h in found.history] == [1, 2, 3, 4]
    assert reports[-1].step == reports[-1].steps == 24
    assert reports[-1].seconds_left == 0
    assert found.history[-1].loss < found.history[0].loss


def test_the_budget_decides_the_size(tmp_path, board) -> None:
    small, large = (run(tmp_path / str(m), board, Budget(macs=m)).costs["macs"] for m in (3000, 20000))
    assert small <= 3000 < large <= 20000


def test_the_optimiser_of_the_weights_can_be_chosen(tmp_path, board) -> None:
    short = dataclasses.replace(SETTINGS, epochs=1)
    losses = {
        kind: run(tmp_path / kind, board, settings=dataclasses.replace(short, optimiser=kind)).history[0].loss
        for kind in ("adamw", "sgd")
    }
    assert losses["adamw"] != losses["sgd"]
    with pytest.raises(SpecError, match=r"^search: optimiser = 'adam'; allowed: adamw, sgd$"):
        SearchSettings(optimiser="adam")


def test_a_search_that_was_stopped_ends_with_the_same_result(tmp_path, board, monkeypatch) -> None:
    monkeypatch.setattr(dnas_loop, "REPORT_SECONDS", 0.0)
    whole = run(tmp_path / "whole", board)
    often = dataclasses.replace(SETTINGS, checkpoint_seconds=0.0)

    class Stopped(Exception):
        pass

    def stop(report) -> None:
        if report.step >= 15:  # in the middle of the third epoch of six steps
            raise Stopped

    with pytest.raises(Stopped):
        run(tmp_path / "cut", board, settings=often, progress=stop)
    path = tmp_path / "cut" / "checkpoint.pt"
    state = torch.load(path, weights_only=True)
    resumed = run(tmp_path / "cut", board)
    assert resumed.values == whole.values
    assert resumed.history == whole.history
    for name, value in whole.state.items():
        assert torch.equal(value, resumed.state[name]), name
    torch.save(state | {"history": [7]}, path)
    with pytest.raises(FileError, match=r"checkpoint.pt: not a checkpoint of this version \(is 7, not an object"):
        run(tmp_path / "cut", board)
    del state["correction"]
    torch.save(state, path)
    with pytest.raises(FileError, match=r"not a checkpoint of this version \(correction is missing\); delete it"):
        run(tmp_path / "cut", board)


def test_a_checkpoint_of_other_settings_is_refused(tmp_path, board) -> None:
    run(tmp_path, board)
    with pytest.raises(SpecError, match="the checkpoint belongs to another training"):
        run(tmp_path, board, settings=dataclasses.replace(SETTINGS, lr=0.03))


def test_a_checkpoint_of_other_labels_is_refused(tmp_path, board, monkeypatch) -> None:
    run(tmp_path, board)
    monkeypatch.setattr(TinyTask, "labels", lambda self, split: self._y[split][::-1].copy())
    with pytest.raises(SpecError, match="the checkpoint belongs to another training"):
        run(tmp_path, board)


def test_a_search_goes_on_in_the_precision_it_began_in(tmp_path, board, monkeypatch) -> None:
    settings = dataclasses.replace(SETTINGS, precision="auto", epochs=2)
    monkeypatch.setattr(dnas_loop, "pick_precision", lambda name, device: "fp32")
    whole = run(tmp_path, board, settings=settings)
    monkeypatch.setattr(dnas_loop, "pick_precision", lambda name, device: "bf16")  # as if on another machine
    assert run(tmp_path, board, settings=settings).values == whole.values


def test_a_loss_that_is_no_number_is_one_line(tmp_path, board) -> None:
    settings = dataclasses.replace(SETTINGS)
    object.__setattr__(settings, "lr", 1e30)  # beyond what the settings allow: it diverges at once
    with pytest.raises(
        TrainingError, match=r"^search: the loss became (nan|inf) in step \d+; lower search.lr \(now 1e\+30\)$"
    ):
        run(tmp_path, board, settings=settings)


def test_an_impossible_budget_is_refused_before_training(tmp_path, board) -> None:
    with pytest.raises(BudgetError, match="the cheapest network needs"):
        run(tmp_path, board, Budget(arena_bytes=1024), progress=lambda _: pytest.fail("trained"))
    assert not list(tmp_path.iterdir())


def test_shapes_that_cannot_fit_are_not_searched(tmp_path, board) -> None:
    space = tiny_space()
    # Between the smallest networks on half and on all frames.
    limits = [
        budget_costs(derive(space, space.smallest() | {"frame_stride": s}), board, ("macs",))["macs"] for s in (2, 1)
    ]
    found = run(tmp_path, board, Budget(macs=sum(limits) // 2))
    assert found.values["frame_stride"] == 2
    assert {h.values["frame_stride"] for h in found.history} == {2}


@pytest.mark.parametrize(("key", "value"), [("epochs", 0), ("penalty", -1.0), ("warmup", 1.0)])
def test_settings_are_checked(key, value) -> None:
    with pytest.raises(SpecError, match=f"search: {key} = {value}"):
        SearchSettings(**{key: value})


def test_a_search_steps_back_until_the_measurement_keeps_the_limit_too(board) -> None:
    space = tiny_space()
    limits = Budget(macs=9000)
    even = {c.name: [1 / len(c.options)] * len(c.options) for c in space.choices}
    asked, notes = [], []

    def measure(arch):
        asked.append(arch)
        return {"macs": 1.3 * budget_costs(arch, board, ("macs",))["macs"]}  # the estimate is 30 % too low

    fitter = BudgetFitter(space, limits, board)
    values, found = meet_measured_limits(fitter, space.largest(), even, limits, measure, notes.append, math.inf)
    assert found == measure(derive(space, values))
    assert 0.6 * 9000 < found["macs"] <= 9000
    assert len(asked) > 2
    assert "over the limit of 9,000; the estimate was" in notes[0].note
    plain, nothing = meet_measured_limits(
        BudgetFitter(space, limits, board), space.largest(), even, limits, None, notes.append, math.inf
    )
    assert nothing == {}
    assert budget_costs(derive(space, plain), board, ("macs",))["macs"] > found["macs"] / 1.3


def test_a_search_uses_the_room_that_the_measurement_shows(board) -> None:
    space, limits = tiny_space(), Budget(macs=9000)
    even = {c.name: [1 / len(c.options)] * len(c.options) for c in space.choices}

    def cost(values):
        return budget_costs(derive(space, values), board, ("macs",))["macs"]

    def half(arch):  # the estimate is twice the truth
        return {"macs": budget_costs(arch, board, ("macs",))["macs"] / 2}

    values, found = meet_measured_limits(
        BudgetFitter(space, limits, board), space.smallest(), even, limits, half, lambda _: None, math.inf
    )
    plain, _ = meet_measured_limits(
        BudgetFitter(space, limits, board), space.smallest(), even, limits, None, lambda _: None, math.inf
    )
    assert cost(plain) <= 9000 < cost(values)
    assert found["macs"] == cost(values) / 2 <= 9000

    def cliff(arch):  # what is larger than the estimate allows is suddenly slow
        macs = budget_costs(arch, board, ("macs",))["macs"]
        return {"macs": macs / 2 if macs <= 9000 else 2 * macs}

    values, found = meet_measured_limits(
        BudgetFitter(space, limits, board), space.smallest(), even, limits, cliff, lambda _: None, math.inf
    )
    assert values == plain
    assert found["macs"] == cost(plain) / 2


def test_a_search_whose_measurements_never_fit_gives_up(board) -> None:
    space, limits = tiny_space(), Budget(macs=9000)
    even = {c.name: [1 / len(c.options)] * len(c.options) for c in space.choices}
    with pytest.raises(BudgetError, match=r"no network|networks measured, the last still misses macs 10,000 of 9,000"):
        meet_measured_limits(
            BudgetFitter(space, limits, board),
            space.largest(),
            even,
            limits,
            lambda _: {"macs": 10_000.0},
            lambda _: None,
            math.inf,
        )


def test_a_search_returns_a_network_that_works_as_it_is(tmp_path, board) -> None:
    """Cut out with the supernet's statistics of batch norm, the same network is right in 40 %."""
    from micronets.design.predict import predict

    found = run(tmp_path, board, settings=dataclasses.replace(SETTINGS, epochs=16))
    data, net = TinyTask(), Net(found.arch)
    net.load_state_dict(found.state)
    x = data.inputs("val", {"frame_stride": found.values["frame_stride"]})
    assert data.evaluate(predict(net, x), "val").value > 0.55


def test_choices_settle_before_the_end(tmp_path, board) -> None:
    rates = []
    step = torch.optim.Adam.step

    def spied(self, *args, **kwargs):
        if not isinstance(self, torch.optim.AdamW):  # which is that of the weights, and has the same step
            rates.append(self.param_groups[0]["lr"])
        return step(self, *args, **kwargs)

    torch.optim.Adam.step = spied
    try:
        run(tmp_path, board, settings=dataclasses.replace(SETTINGS, settle=0.25))
    finally:
        torch.optim.Adam.step = step
    assert rates[0] == SETTINGS.arch_lr
    assert rates[-1] == pytest.approx(SETTINGS.arch_lr / 6), "24 steps, of which the last six settle"
    assert sorted(rates, reverse=True) == rates
    with pytest.raises(SpecError, match=r"^search: settle = 0.7; at most 0.65, the share that warmup leaves$"):
        SearchSettings(settle=0.7)
