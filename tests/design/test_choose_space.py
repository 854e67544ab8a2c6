"""Spaces are compared by successive halving, under the same limits and for the stated share of the examples."""

import dataclasses
import shutil

import pytest

from micronets.progress import Event
from tests.support.needs import needs

torch = needs("torch", "design")

from micronets.boards.board import Budget
from micronets.cost.costs import TFLM_COSTS, budget_costs
from micronets.design import choose_space as module
from micronets.design import halving
from micronets.design.choose_space import Contender, choose_space
from micronets.design.halving import PartOfData
from micronets.design.search_settings import SearchSettings
from micronets.errors import BudgetError, DataError, SpecError
from micronets.ir.layers import INPUT, FullyConnected, Mean
from micronets.ir.space import Block, Choice, SearchSpace, Template, derive
from tests.support.tiny_task import BANDS, CLASSES, FRAMES, TinyTask, tiny_space

SETTINGS = SearchSettings(epochs=12, batch=16, lr=0.02, precision="fp32", space_share=4.0, space_networks=2)


def blind_space(name):
    """Returns a space whose networks see nothing but the mean of their input, and so can only guess."""

    def template(pick):
        pool = Mean(name="pool", inputs=(INPUT,))
        hidden = FullyConnected(name="hidden", inputs=("pool",), units=len(name), activation="relu")
        layers = (pool, hidden, FullyConnected(name="logits", inputs=("hidden",), units=len(CLASSES)))
        return Template((FRAMES // pick("frame_stride"), BANDS, 1), (Block(layers),))

    return SearchSpace(name, (Choice("frame_stride", "shape", (1, 2)),), template)


LIMIT = Budget(macs=9000)


def contenders(budget=LIMIT):
    spaces = (blind_space("blind"), blind_space("blinder"), tiny_space(), blind_space("blindest"))
    return [Contender(space, budget, TFLM_COSTS) for space in spaces]


def choose(directory, board, taking_part=None, data=None, seed=1, told=None, **changes):
    settings = dataclasses.replace(SETTINGS, **changes)
    progress = (told if told is not None else []).append
    options = {"seed": seed, "directory": directory, "progress": progress}
    return choose_space(taking_part or contenders(), data or TinyTask(), board, settings, **options)


def test_the_space_whose_networks_learn_is_chosen(tmp_path, board) -> None:
    told: list[Event] = []
    found = choose(tmp_path, board, told=told)
    assert found.chosen == "tiny"
    assert [len(part) for part in found.rounds()] == [4, 2]
    assert [t.space for t in found.trials].count("tiny") == 2 + 1, "half of its networks stay"
    last = found.rounds()[-1]
    assert last[0].space == "tiny"
    assert last[0].score > 0.6 > last[1].score, "chance is a third"
    assert last[1].space != "tiny"
    for trial in found.trials:
        space = tiny_space() if trial.space == "tiny" else blind_space(trial.space)
        assert trial.costs["macs"] == budget_costs(derive(space, trial.values), board, ("macs",))["macs"] == trial.macs
        assert trial.macs <= 9000
    assert told[-1].note.startswith("space tiny is searched; validation: ")
    assert {event.stage for event in told[:-1]} == {module.STAGE}


def test_all_rounds_together_take_the_stated_share_of_the_search(tmp_path, board) -> None:
    found = choose(tmp_path, board, space_share=0.5)
    for number in (1, 2):
        own = [t for t in found.trials if t.round == number]
        assert len({t.examples for t in own}) == 1, "every network of a round sees as much"
        assert sum(t.examples for t in own) == pytest.approx(0.5 * 12 * 192 / 2, rel=0.02)
    smallest = choose(tmp_path / "small", board, space_share=1e-6, epochs=1)
    assert {t.examples for t in smallest.trials} == {16}, "one batch at least"


def test_what_was_trained_is_not_trained_again(tmp_path, board, monkeypatch) -> None:
    first = choose(tmp_path, board, space_share=0.5)
    folders = sorted((tmp_path / "trials").iterdir())
    assert len(folders) == len(first.trials)
    shutil.rmtree(folders[0])
    trained = []
    real = halving.train_network
    monkeypatch.setattr(
        halving, "train_network", lambda job, own, tell: real(job, own, lambda e: (tell(e), trained.append(own)))
    )
    assert choose(tmp_path, board, space_share=0.5) == first
    assert set(trained) == {folders[0]}
    assert choose(tmp_path / "other", board, seed=2, space_share=0.5) != first


def test_a_part_of_the_data_has_an_epoch_of_that_size() -> None:
    import numpy as np

    data = TinyTask()
    for examples in (10, 192, 400):
        order = PartOfData(data, examples).epoch(np.random.default_rng(1))
        assert len(order) == examples
        assert len(set(order.tolist())) == min(examples, 192)
    assert PartOfData(data, 10).source != PartOfData(data, 11).source, "a checkpoint would fit another round"
    assert PartOfData(data, 10).size("val") == 96


def test_spaces_without_a_network_within_the_limits_are_left_out(tmp_path, board) -> None:
    told: list[Event] = []
    found = choose(tmp_path, board, contenders(Budget(macs=500)), told=told, space_share=0.5)
    assert set(found.left_out) == {"tiny"}
    assert found.chosen != "tiny"
    assert "no network of space 'tiny' fits" in found.left_out["tiny"]
    assert any("  tiny is left out: " in str(event) for event in told)
    alone = choose(tmp_path / "alone", board, [contenders(Budget(macs=500))[0], contenders(Budget(macs=500))[2]])
    assert (alone.chosen, alone.trials) == ("blind", ()), "nothing needs to be trained"
    with pytest.raises(BudgetError, match=r"no network of space 'blind' fits: .* \(likewise in the other 3 spaces\)$"):
        choose(tmp_path / "none", board, contenders(Budget(macs=1)))


def test_what_a_choice_needs(tmp_path, board) -> None:
    data = TinyTask()
    data._y["val"], data._x["val"] = data._y["val"][:0], data._x["val"][:0]
    with pytest.raises(DataError, match="no validation examples; spaces are compared on them"):
        choose(tmp_path, board, data=data)
    for wrong in ({"space_share": 0}, {"space_networks": 0}):
        with pytest.raises(SpecError, match=r"^search: space_\w+ = 0; need more than 0$"):
            SearchSettings(**wrong)
