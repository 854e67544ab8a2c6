"""Data sets in memory, of numpy or torch: their splits, and what is said of those that cannot be used."""

import numpy as np
import pytest

from micronets.errors import DataError, MicronetsError, UserCodeError
from micronets.tasks import TaskData
from micronets.tasks.arrays.in_memory import arrays, data_from_torch
from micronets.tasks.own import check_data

RNG = np.random.default_rng(0)
X = RNG.normal(5, 3, (60, 8, 3))
Y = np.arange(60) % 3


def test_splits_are_made_where_none_are_given_and_always_the_same() -> None:
    data: TaskData = check_data(arrays(X, Y))
    assert [data.size(s) for s in ("train", "val", "test")] == [48, 6, 6]
    assert {*np.bincount(data.labels("val"))} == {2}
    again = arrays(X, Y)
    assert all(np.array_equal(data.inputs(s, {}), again.inputs(s, {})) for s in ("train", "val", "test"))
    assert data.classes == ("0", "1", "2")
    assert data.input_shape({}) == (8, 3, 1)
    x = data.inputs("train", {})
    assert abs(x.mean()) < 1e-5
    assert abs(x.std() - 1) < 1e-3


def test_a_split_that_is_given_stays_and_the_other_is_made() -> None:
    data = arrays(X, Y, x_test=X[:9], y_test=Y[:9])
    assert [data.size(s) for s in ("train", "val", "test")] == [54, 6, 9]
    assert np.array_equal(data.x["test"], X[:9].astype(np.float32))
    data = arrays(X, Y, x_val=X[:9], y_val=Y[:9], x_test=X[:6], y_test=Y[:6])
    assert [data.size(s) for s in ("train", "val", "test")] == [60, 9, 6]


def test_groups_are_set_apart_whole() -> None:
    who = np.repeat(np.arange(12), 5)
    data = arrays(np.concatenate([X, who[:, None, None] * np.ones((60, 8, 1))], 2), Y, group=who)
    apart = [{*data.x[s][:, 0, 3]} for s in ("train", "val", "test")]
    assert not apart[0] & apart[1]
    assert not apart[0] & apart[2]
    assert data.notes == ("split by 12 groups",)


def test_names_of_classes() -> None:
    assert arrays(X, np.array(["b", "a", "c"])[Y]).classes == ("a", "b", "c")
    named = arrays(X, Y, classes=("x", "y", "z"))
    assert named.classes == ("x", "y", "z")
    assert named.metadata({})["micronets.labels"] == '["x", "y", "z"]'


CASES = {
    "one array alone": (lambda: arrays(X, Y, x_val=X), "arrays: x_val without y_val; give both or none"),
    "lengths that differ": (
        lambda: arrays(X, Y[:5]),
        "arrays: x is [60, 8, 3] and y [5] in train; need x [N, ...] and y [N]",
    ),
    "labels of another kind": (
        lambda: arrays(X, Y + 0.5),
        "arrays: y is float64 [60]; need integers or text [60], one for each row of x",
    ),
    "rows of different lengths": (lambda: arrays([[1, 2], [3]], [0, 1]), "arrays: x or y of train is not an array ("),
    "no number": (lambda: arrays(np.where(X > 9, np.nan, X), Y), "arrays: example "),
    "labels out of range": (
        lambda: arrays(X, Y, classes=("a", "b")),
        "arrays: y goes from 0 to 2; allowed: 0 to 1, see classes",
    ),
    "one class": (lambda: arrays(X, Y * 0), "arrays: only one class, '0'; a classifier needs at least two"),
    "too few": (
        lambda: arrays(X[:4], Y[:4]),
        "arrays: class '0' has no train example (2 in all); at least three of every class",
    ),
    "group of another length": (
        lambda: arrays(X, Y, group=Y[:3]),
        "arrays: group has 3 entries; need 60, one for each row",
    ),
    "noise": (lambda: arrays(X, Y, noise=-1), "features: noise = -1; need 0 or more"),
    "rate": (lambda: arrays(X, Y, sample_rate=0), "arrays: sample_rate = 0; allowed: 0.001 to 1,000,000"),
    "images of two sizes": (
        lambda: data_from_torch([(np.zeros((1, 4, 4)), 0), (np.zeros((1, 5, 4)), 1)]),
        "torch data set: examples of train have shapes [(1, 4, 4), (1, 5, 4)]; every example needs the same",
    ),
    "no pairs": (
        lambda: data_from_torch([1, 2, 3]),
        "torch data set: example 0 of train is a int; need a pair (x, y) of an example and its class",
    ),
    "nothing": (lambda: data_from_torch([]), "torch data set: train has no examples"),
    "no data set": (lambda: data_from_torch(3), "torch data set: train is a int; need a data set of pairs (x, y)"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_be_used_is_told(case: str) -> None:
    make, message = CASES[case]
    with pytest.raises(MicronetsError) as e:
        make()
    assert str(e.value).startswith(message)


def test_augment_is_called_at_every_step_and_seeded() -> None:
    torch = pytest.importorskip("torch")

    def louder(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return x * rng.uniform(0.5, 2, (len(x), 1, 1))

    data = arrays(X, Y, augment=louder)
    rows = torch.arange(8)
    one, same, other = (data.augmented(rows, {}, torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert not torch.equal(one, torch.from_numpy(data.inputs("train", {}, rows.numpy())))
    with pytest.raises(
        UserCodeError, match=r"test_in_memory.py:\d+: augment returns float32 \[4, 8, 3\]; need finite numbers"
    ):
        arrays(X, Y, augment=lambda x, rng: x[:4]).augmented(rows, {}, torch.Generator())
    with pytest.raises(UserCodeError, match=r"test_in_memory.py:\d+: augment failed: ZeroDivisionError: division"):
        arrays(X, Y, augment=lambda x, rng: 1 / 0).augmented(rows, {}, torch.Generator())


def test_a_torch_data_set_and_its_loader() -> None:
    torch = pytest.importorskip("torch")
    pictures, labels = torch.rand(30, 3, 6, 5), torch.arange(30) % 3
    whole = torch.utils.data.TensorDataset(pictures, labels)
    data = data_from_torch(whole, classes=("a", "b", "c"))
    assert data.input_shape({}) == (6, 5, 3)
    loaded = data_from_torch(torch.utils.data.DataLoader(whole, batch_size=4, shuffle=True), classes=("a", "b", "c"))
    assert np.array_equal(data.x["train"], loaded.x["train"])
    kept = data_from_torch(whole, val=whole, test=whole, channels="last")
    assert kept.input_shape({}) == (3, 6, 5)
    assert np.array_equal(kept.x["test"], pictures.numpy())
    assert kept.target["test"].tolist() == labels.tolist()


class Broken:
    classes = ("a", "b")

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        return np.zeros((1, 4, 4)), [0, 1][index]


def test_a_data_set_that_fails_is_told_by_its_line() -> None:
    with pytest.raises(
        UserCodeError, match=r"test_in_memory.py:\d+: torch data set: reading train failed: IndexError: list"
    ):
        data_from_torch(Broken())
    with pytest.raises(DataError, match="train without"):
        arrays(X, None)  # type: ignore[arg-type]
