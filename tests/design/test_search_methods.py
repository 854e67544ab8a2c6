"""Every method of search ends with a network that keeps the limits and works, and goes on where it was stopped."""

import dataclasses
import random

import pytest

from tests.support.needs import needs

torch = needs("torch", "design")

from micronets.boards.board import Budget, board_budget
from micronets.cost.costs import budget_costs
from micronets.design import candidates, halving, sandwich
from micronets.design.budget_fitter import BudgetFitter
from micronets.design.fakequant import rounding_error
from micronets.design.net import Net
from micronets.design.predict import predict
from micronets.design.search_job import SearchJob
from micronets.design.search_methods import search
from micronets.design.search_settings import SearchSettings
from micronets.errors import DataError, SpecError
from micronets.history import ChosenCut, Finalist, SupernetEpoch, TrainedCandidate
from micronets.ir import spaces
from micronets.ir.space import derive, with_bits
from micronets.progress import StepEvent
from tests.support.tiny_task import TinyTask, tiny_space

SETTINGS = SearchSettings(epochs=12, batch=32, lr=0.02, precision="fp32", candidates=3, evaluations=12)


def run(method, directory, board, data=None, seed=1, progress=lambda _: None, **changes):
    settings = dataclasses.replace(SETTINGS, method=method, **changes)
    options = {"seed": seed, "directory": directory, "progress": progress}
    return search(SearchJob(tiny_space(), data or TinyTask(), Budget(macs=9000), board, settings, **options))


@pytest.mark.parametrize(("method", "epochs"), [("dnas", 12), ("supernet", 24), ("random", 45), ("uniform", 24)])
def test_every_method_ends_with_a_network_that_works_within_the_limits(method, epochs, tmp_path, board) -> None:
    found = run(method, tmp_path, board, epochs=epochs)
    assert found.arch == derive(tiny_space(), found.values)
    assert found.costs["macs"] == budget_costs(found.arch, board, ("macs",))["macs"] <= 9000
    kinds = {"dnas": {SupernetEpoch}, "supernet": {SupernetEpoch, ChosenCut, Finalist}}
    assert {type(record) for record in found.history} == kinds.get(method, {TrainedCandidate})
    data, net = TinyTask(), Net(found.arch)
    net.load_state_dict(found.state)
    x = data.inputs("val", {"frame_stride": found.values["frame_stride"]})
    assert data.evaluate(predict(net, x), "val").value > 0.45, "chance is a third"
    again = run(method, tmp_path, board, epochs=epochs)  # from what lies in the directory
    assert again.values == found.values
    assert all(torch.equal(value, again.state[name]) for name, value in found.state.items())


@pytest.mark.parametrize("method", ["dnas", "supernet", "random", "uniform"])
def test_every_method_chooses_bits(method, tmp_path, board) -> None:
    """The limit lies half-way between the files of 4 and of 8 bits, so that some layers need 4."""
    space = with_bits(tiny_space().fixed({"width": 12, "last": 12, "keep_residual": 1, "keep_plain": 1}), (8, 4))
    bits = {c.name: 8 for c in space.choices if c.kind == "bits"}
    four, eight = (
        budget_costs(derive(space, values), board, ("tflite_bytes",))["tflite_bytes"]
        for values in (space.smallest(), space.smallest() | bits)
    )
    settings = dataclasses.replace(SETTINGS, method=method, epochs=2, evaluations=4)
    options = {"seed": 1, "directory": tmp_path, "progress": lambda _: None}
    budget = Budget(tflite_bytes=int(four + eight) // 2)
    found = search(SearchJob(space, TinyTask(), budget, board, settings, **options))
    assert 4 in {found.values[name] for name in bits}
    assert found.arch == derive(space, found.values)
    net = Net(found.arch)
    net.load_state_dict(found.state)
    for layer in (layer for layer in found.arch.layers if f"bits_{layer.name}" in bits):
        assert rounding_error(layer, net.cell(layer).weight).any(), (
            "a training starts from weights that are not rounded"
        )


def test_random_search_returns_the_best_of_different_networks(tmp_path, board) -> None:
    found = run("random", tmp_path, board)
    assert len({tuple(h.values.items()) for h in found.history}) == 3
    assert [h.epoch for h in found.history] == [4, 8, 12]
    best = max(found.history, key=lambda h: h.accuracy)
    assert found.values == best.values
    other = run("random", tmp_path / "other", board, seed=2, candidates=2, epochs=2)
    assert [h.values for h in other.history] != [h.values for h in found.history[:2]]


def test_uniform_networks_have_one_share_of_all_widths_and_every_shape(board) -> None:
    space = spaces.make("temporal", "kws", 12)
    fitter = BudgetFitter(space, board_budget(Budget(macs=2_000_000), board), board)
    feasible = fitter.feasible_shapes()
    found = candidates.uniform_candidates(fitter, feasible, 100)
    assert len(found) > 2
    shapes = [c.name for c in space.choices if c.kind == "shape"]
    assert len({tuple(v[n] for n in shapes) for v in found}) == len(found)
    for values in found:
        assert fitter.fits(values)
        assert all(values[c.name] == 1 for c in space.choices if c.kind in ("keep", "dilation"))
        assert values["width1"] == values["width2"]
    few = candidates.uniform_candidates(fitter, feasible, 2)
    assert few == [found[0], found[-1]]
    tight = BudgetFitter(tiny_space(), Budget(macs=1500), board)
    (smallest, *_) = candidates.uniform_candidates(tight, tight.feasible_shapes(), 1)
    assert tight.fits(smallest)


def test_evolution_finds_the_best_of_a_known_landscape(board) -> None:
    """The loss is the distance from one network, which evolution finds, and random drawing in as many tries does not.

    The limit forbids the largest widths.
    """
    space = spaces.make("temporal", "kws", 12)
    rng = random.Random(5)
    fitter = BudgetFitter(space, Budget(macs=10**9), board, lambda values: {"macs": values["width1"]})
    fitter.limits["macs"] = 40
    goal = fitter.space.sample(rng) | {"width1": 40}

    class Landscape:
        def __init__(self) -> None:
            self.losses: dict[object, float] = {}

        def loss(self, values):
            key = tuple(values.values())
            self.losses[key] = sum(values[n] != goal[n] for n in values)
            return self.losses[key]

    evolved, drawn = Landscape(), Landscape()
    ranking = sandwich.evolve(evolved, fitter, [space.smallest()], 300, random.Random(1))
    best = ranking[0]
    assert all(map(fitter.fits, ranking))
    assert sorted(ranking, key=evolved.loss) == ranking
    for _ in range(300):
        drawn.loss(candidates.random_values(fitter, rng))
    assert len(evolved.losses) <= 300
    assert evolved.loss(best) == min(evolved.losses.values()) < min(drawn.losses.values()) - 3


def test_outer_taps_are_trained(tmp_path, board, monkeypatch) -> None:
    kept = []
    real = sandwich.CutNetworks
    monkeypatch.setattr(sandwich, "CutNetworks", lambda loop, *more: kept.append(loop) or real(loop, *more))
    found = run("supernet", tmp_path, board, epochs=2, final_share=0.0)
    assert [type(record) for record in found.history] == [SupernetEpoch, SupernetEpoch, ChosenCut]
    assert 1 <= len(found.history[-1].compared) <= 12
    weight = kept[0].supernet.net.cell(kept[0].supernet.net.arch.layers[1]).weight
    torch.manual_seed(1)
    first = sandwich.Supernet(tiny_space()).net
    start = first.cell(first.arch.layers[1]).weight
    assert (weight - start)[:, :, [0, -1]].abs().mean() > 0.01


def test_methods_need_validation_examples_and_a_name(tmp_path, board) -> None:
    data = TinyTask()
    data._y["val"], data._x["val"] = data._y["val"][:0], data._x["val"][:0]
    for method in ("supernet", "random", "uniform", "dnas"):
        with pytest.raises(DataError, match="the data have no validation examples"):
            run(method, tmp_path, board, data=data, dnas_finals=True)
    with pytest.raises(SpecError, match=r"^search: method = 'grid'; allowed: dnas, supernet, random, uniform$"):
        SearchSettings(method="grid")


@pytest.mark.parametrize("method", ["dnas", "supernet"])
def test_the_learning_rate_falls_even_in_a_search_of_one_epoch(method, tmp_path, board, monkeypatch) -> None:
    """It rose over the first epoch and so to the very end; what was cut out of such a supernet was hardly trained."""
    rates, step = [], torch.optim.AdamW.step

    def spied(self, *args, **kwargs):
        rates.append(self.param_groups[0]["lr"])
        return step(self, *args, **kwargs)

    monkeypatch.setattr(torch.optim.AdamW, "step", spied)
    run(method, tmp_path, board, epochs=1, batch=16, evaluations=1, final_share=0.0)
    assert len(rates) == 12
    assert max(rates) == rates[1] == SETTINGS.lr
    assert rates[-1] < 0.1 * SETTINGS.lr
    rates.clear()
    run(method, tmp_path / "long", board, epochs=8, batch=48, evaluations=1, final_share=0.0)
    assert rates.index(max(rates)) == 3, "the rise takes an epoch of four steps where that is less than a fifth"


def test_a_supernet_for_one_search_trains_networks_within_the_limits(tmp_path, board, monkeypatch) -> None:
    fitter = BudgetFitter(tiny_space(), board_budget(Budget(macs=9000), board), board)
    drawn, real = [], sandwich.PathLoop.logits

    def spied(self, x, values):
        drawn.append(values)
        return real(self, x, values)

    monkeypatch.setattr(sandwich.PathLoop, "logits", spied)
    run("supernet", tmp_path, board, epochs=4, final_share=0.25)
    assert len(drawn) == 24, "a network a step"
    assert all(map(fitter.fits, drawn))
    assert len({tuple(values.values()) for values in drawn[:18]}) > sandwich.PARENTS, "of three of the four epochs"


def test_the_supernet_is_trained_for_fewer_and_fewer_networks_until_one_is_left(tmp_path, board, monkeypatch) -> None:
    """No step of the winner is lost; a search that was stopped among the rounds goes on as if it had not been."""
    drawn, real = [], sandwich.PathLoop.logits

    def spied(self, x, values):
        drawn.append(dict(values))
        return real(self, x, values)

    monkeypatch.setattr(sandwich.PathLoop, "logits", spied)
    options = {"epochs": 4, "batch": 16, "evaluations": 3, "finalists": 4}
    events = []
    found = run("supernet", tmp_path / "whole", board, progress=events.append, **options)
    steps = [event.step for event in events if isinstance(event, StepEvent)]
    assert steps == sorted(steps), "one count of steps"
    assert steps[-1] == len(drawn) == 48
    rounds = [record for record in found.history if isinstance(record, Finalist)]
    assert [r.round for r in rounds] == 4 * [1] + 2 * [2]
    first, second = rounds[:4], rounds[4:]
    assert {r.origin for r in first} == {"uniform", "neighbour", "searched"}
    assert "uniform" in {r.origin for r in second}
    assert min(first, key=lambda r: r.loss).values in [r.values for r in second]
    for of_round, (begin, end) in ((first, (24, 32)), (second, (32, 40))):
        assert all(values in [r.values for r in of_round] for values in drawn[begin:end])
        assert [r.examples for r in of_round] == len(of_round) * [(end - begin) * 16 // len(of_round)]
    assert drawn[40:] == 8 * [found.values]
    best = min(second, key=lambda r: r.loss)
    assert found.values == best.values
    assert found.costs == best.costs
    fitter = BudgetFitter(tiny_space(), board_budget(Budget(macs=9000), board), board)
    assert all(fitter.fits(r.values) for r in rounds)
    assert [type(record) for record in found.history[:5]] == 4 * [SupernetEpoch] + [ChosenCut]
    for steps_before in (29, 36):
        directory, left = tmp_path / str(steps_before), [steps_before]

        def stopped(self, x, values, left=left):
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt
            return real(self, x, values)

        monkeypatch.setattr(sandwich.PathLoop, "logits", stopped)
        with pytest.raises(KeyboardInterrupt):
            run("supernet", directory, board, **options)
        monkeypatch.setattr(sandwich.PathLoop, "logits", real)
        again = run("supernet", directory, board, **options)
        assert again.history == found.history
        assert all(torch.equal(value, again.state[name]) for name, value in found.state.items())


def test_a_search_ends_with_a_comparison_of_uniform_neighbouring_and_searched_networks(
    tmp_path, board, monkeypatch
) -> None:
    """The trainings of the finals take the share of the epochs that is theirs, and go on where they were stopped."""
    seen, real = [], TinyTask.augmented

    def counted(self, indices, settings, generator):
        seen.append(indices.tolist())
        return real(self, indices, settings, generator)

    monkeypatch.setattr(TinyTask, "augmented", counted)
    options = {"epochs": 4, "batch": 16, "evaluations": 3, "finalists": 4, "dnas_finals": True}
    events = []
    found = run("dnas", tmp_path / "whole", board, progress=events.append, **options)
    steps = [event.step for event in events if isinstance(event, StepEvent)]
    assert steps == sorted(steps), "one count of steps"
    assert steps[-1] == 48
    rounds = [record for record in found.history if isinstance(record, Finalist)]
    assert [r.round for r in rounds] == 4 * [1] + 2 * [2]
    assert {r.origin for r in rounds if r.round == 1} == {"uniform", "neighbour", "searched"}
    assert "uniform" in {r.origin for r in rounds if r.round == 2}
    trained = sum(r.examples // 16 * 16 for r in rounds)
    assert 0.8 * 2 * 192 < trained <= 2 * 192
    best = max((r for r in rounds if r.round == 2), key=lambda r: r.accuracy)
    assert found.values == best.values
    assert found.costs == best.costs
    fitter = BudgetFitter(tiny_space(), board_budget(Budget(macs=9000), board), board)
    assert all(fitter.fits(r.values) for r in rounds)
    n1, n2 = (r.examples // 16 for r in (rounds[0], rounds[-1]))
    shuffled = [batch for batch in seen if batch != sorted(batch)]  # those of trainings, not of calibrations
    first, second, third = shuffled[-2 * n2 - n1], shuffled[-2 * n2], shuffled[-n2]  # round 1's last, both of round 2
    assert second == third, "the networks of a round have the same examples"
    assert first != second, "every round has others"
    left = [len(seen) - 20]  # of the batches; then it is stopped among the short trainings

    def stopped(self, indices, settings, generator):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return real(self, indices, settings, generator)

    monkeypatch.setattr(TinyTask, "augmented", stopped)
    with pytest.raises(KeyboardInterrupt):
        run("dnas", tmp_path / "stopped", board, **options)
    monkeypatch.setattr(TinyTask, "augmented", real)
    again = run("dnas", tmp_path / "stopped", board, **options)
    assert again.history == found.history
    assert all(torch.equal(value, again.state[name]) for name, value in found.state.items())


def test_a_uniform_network_stays_to_the_last_round_and_wins_where_nothing_is_better(board) -> None:
    def entry(origin, score):
        return halving.Contestant(values={}, arch=None, costs={}, origin=origin, score=score)

    first = [entry("uniform", 0.2), entry("uniform", 0.1), *(entry("searched", 0.3 + i / 100) for i in range(4))]
    second = halving.better_half(first)
    assert [(e.origin, round(e.score, 2)) for e in second] == [("uniform", 0.2), ("searched", 0.32), ("searched", 0.33)]
    third = halving.better_half(second)
    assert [e.origin for e in third] == ["uniform", "searched"]
    assert [e.origin for e in halving.better_half(third)] == ["searched"]
    assert halving.better_half([entry("uniform", 0.4), entry("searched", 0.4)])[0].origin == "uniform"


def test_neighbours_of_a_network_fit_and_differ_in_one_choice_and_its_price(board) -> None:
    space = tiny_space()
    fitter = BudgetFitter(space, Budget(macs=9000), board)
    start = candidates.uniform_candidates(fitter, fitter.feasible_shapes(), 2)
    found = candidates.neighbours(fitter, start, 6, seed=3)
    assert len({derive(space, values) for values in [*start, *found]}) == 8
    assert all(map(fitter.fits, found))
    assert found == candidates.neighbours(fitter, start, 6, seed=3) != candidates.neighbours(fitter, start, 6, seed=4)
    assert {values["frame_stride"] for values in found} == {1, 2}, "shapes stay as they are, and all take turns"
    for number, values in enumerate(found):
        apart = [c.name for c in space.choices if values[c.name] != start[number % 2][c.name]]
        assert 1 <= len(apart) <= 4


def test_networks_of_4_bits_are_compared_with_quantisation_simulated(tmp_path, board) -> None:
    space, data = with_bits(tiny_space(), (8, 4)), TinyTask()
    contestants = []
    for bits in (8, 4):
        values = space.smallest() | {c.name: bits for c in space.choices if c.kind == "bits"}
        contestants.append(
            halving.Contestant(values=values, arch=derive(space, values), costs={}, origin="uniform", score=0.0)
        )
    settings = dataclasses.replace(SETTINGS, batch=32)
    options = {"seed": 1, "directory": tmp_path, "progress": lambda _: None}
    job = SearchJob(space, data, Budget(macs=9000), board, settings, **options)
    _, rounds = halving.play_off(contestants, job, 256)
    assert [r.examples for r in rounds] == [128, 128]
    folders = [p for p in (tmp_path / "trials").iterdir() if (p / "weights.pt").exists()]
    assert len(folders) == 2
    kept = [torch.load(p / "weights.pt", weights_only=True) for p in folders]
    assert {entry["quantised_score"] for entry in kept} == {r.accuracy for r in rounds}
