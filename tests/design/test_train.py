"""Training learns, resumes bit for bit, and says clearly what went wrong."""

import dataclasses
import errno
from contextlib import nullcontext
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from tests.support.needs import needs

torch = needs("torch", "design")

from micronets.design import checkpoint as checkpoint_module
from micronets.design import optim, train_loop
from micronets.design.hints import learner_of, richest_map
from micronets.design.net import Net
from micronets.design.predict import predict
from micronets.design.train import TrainingJob, TrainSettings, load_result, train_network
from micronets.errors import DataError, FileError, SpecError, TrainingError
from micronets.frontend import FrontEnd
from micronets.history import train_epoch
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, FullyConnected
from micronets.records import read_lines
from micronets.tasks.kws.data import KwsData
from tests.support.toy_task import ARCH, Toy

QUICK = TrainSettings(epochs=4, qat_epochs=2, batch=16, lr=1e-2, device="cpu", precision="fp32")


class Stop(Exception):
    pass


def train(directory, settings=QUICK, data=None, progress=None, **kwargs):
    return train_network(TrainingJob(ARCH, data or Toy(), {}, settings, seed=1, **kwargs), directory, progress)


def stop_after(monkeypatch, saves):
    """Lets a training write `saves` checkpoints and then stops it as if it were killed."""
    left = [saves]

    def save(path, state, stamp=""):
        checkpoint_module.save_checkpoint(path, state, stamp)
        left[0] -= 1
        if not left[0]:
            raise Stop

    monkeypatch.setattr("micronets.design.train_loop.save_checkpoint", save)


def equal(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    directory = tmp_path_factory.mktemp("train")
    seen = []
    return train(directory, progress=seen.append), directory, seen


def test_it_learns_in_both_stages(result):
    trained, _, _ = result
    assert trained.float_score > 0.85
    assert trained.quantised_score > 0.85
    data = Toy()
    measured = data.evaluate(predict(trained.net, data.inputs("val", {})), "val").value
    assert measured == trained.quantised_score
    assert data.evaluate(predict(trained.float_net(), data.inputs("val", {})), "val").value == trained.float_score


def test_mixup_mixes_inputs_and_labels_alike(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "micronets.design.train_loop.torch.lerp", lambda a, b, w: seen.append(w) or b + (1 - w) * (a - b)
    )
    mixed = train(tmp_path / "a", dataclasses.replace(QUICK, mixup=0.4))
    assert len(seen) == 36
    assert all(0 <= w <= 1 for w in seen)
    assert 0.25 < np.mean(seen) < 0.75
    assert mixed.quantised_score > 0.8
    again = train(tmp_path / "b", dataclasses.replace(QUICK, mixup=0.4))
    assert again.history == mixed.history


def test_cutmix_trains_and_is_drawn_again_alike(tmp_path):
    settings = dataclasses.replace(QUICK, epochs=6, qat_epochs=1, cutmix=0.5)
    mixed = train(tmp_path / "a", settings)
    assert mixed.quantised_score > 0.8
    assert mixed.history != train(tmp_path / "b", dataclasses.replace(settings, cutmix=0.0)).history
    assert train(tmp_path / "c", settings).history == mixed.history
    with pytest.raises(SpecError, match=r"train: cutmix = 1\.5; a share from 0 to 1$"):
        dataclasses.replace(QUICK, cutmix=1.5)


def test_what_it_leaves_behind(result):
    trained, directory, _ = result
    assert sorted(p.name for p in directory.iterdir()) == ["checkpoint.pt", "history.jsonl", "weights.pt"]
    history = read_lines(train_epoch, directory / "history.jsonl", "train again")
    assert history == trained.history == load_result(directory).history
    assert [h.stage for h in history] == ["float"] * 4 + ["quantised"] * 2
    assert [h.epoch for h in history] == [1, 2, 3, 4, 1, 2]
    again = load_result(directory)
    assert equal(again.state, trained.state)
    assert again.quantised_score == trained.quantised_score


def test_progress_counts_up_to_the_end(result):
    seen = result[2]
    assert [s.step for s in seen] == sorted(s.step for s in seen)
    assert (seen[-1].step, seen[-1].steps, seen[-1].seconds_left) == (36, 36, 0)
    assert {s.stage for s in seen} == {"train", "train quantised"}
    assert all({"epoch", "loss", "val_accuracy"} == s.figures.keys() for s in seen if s.step % 6 == 0)


# in an epoch, at its end, between the stages, in the second, at the end
@pytest.mark.parametrize("saves", [3, 12, 25, 34, 38])
def test_a_stopped_training_ends_with_the_same_bits(result, tmp_path, monkeypatch, saves):
    settings = replace(QUICK, checkpoint_seconds=0)  # a checkpoint after every step
    with monkeypatch.context() as m:
        stop_after(m, saves)
        with pytest.raises(Stop):
            train(tmp_path, settings)
    resumed = train(tmp_path, settings)
    assert equal(resumed.state, result[0].state)
    assert equal(resumed.float_state, result[0].float_state)
    assert resumed.history == result[0].history


def test_a_checkpoint_of_another_form_is_refused_in_one_line(tmp_path, monkeypatch):
    with monkeypatch.context() as m:
        stop_after(m, 3)
        with pytest.raises(Stop):
            train(tmp_path)
    path = tmp_path / "checkpoint.pt"
    state = torch.load(path, weights_only=True)
    torch.save(state | {"history": [{"epoch": 1}]}, path)
    with pytest.raises(FileError, match=r"checkpoint.pt: not a checkpoint of this version \(stage: missing\)"):
        train(tmp_path)


def test_bf16_resumes_too(tmp_path, monkeypatch):
    settings = replace(QUICK, precision="bf16", epochs=2, qat_epochs=1, checkpoint_seconds=0, optimiser="sgd", lr=0.05)
    whole = train(tmp_path / "whole", settings)
    for saves in (9, 16):
        directory = tmp_path / str(saves)
        with monkeypatch.context() as m:
            stop_after(m, saves)
            with pytest.raises(Stop):
                train(directory, settings)
        assert equal(train(directory, settings).state, whole.state)


def test_a_share_of_the_weights_that_the_quantised_stage_began_with_is_kept(tmp_path, monkeypatch):
    settings = replace(QUICK, epochs=1, qat_epochs=1, checkpoint_seconds=0)
    end = train(tmp_path / "none", settings).state
    whole = train(tmp_path / "some", replace(settings, start_share=0.25))
    start = whole.float_state | {"quantizer.log": torch.zeros_like(end["quantizer.log"])}
    for name in ("quantizer.log", *(k for k in whole.float_state if k.endswith("weight"))):
        want = 0.25 * start[name] + 0.75 * end[name]
        assert torch.allclose(whole.state[name], want, atol=1e-6), name
        assert not torch.equal(whole.state[name], end[name])
    for saves in (9, 14):
        with monkeypatch.context() as m:
            stop_after(m, saves)
            with pytest.raises(Stop):
                train(tmp_path / str(saves), replace(settings, start_share=0.25))
        assert equal(train(tmp_path / str(saves), replace(settings, start_share=0.25)).state, whole.state)


def test_other_seeds_and_settings_refuse_the_checkpoint(result):
    with pytest.raises(SpecError, match=r"checkpoint.pt: the checkpoint belongs to another training .* delete it"):
        train(result[1], replace(QUICK, lr=2e-2))
    with pytest.raises(SpecError, match="another training"):
        train(result[1], init=Net(ARCH).state_dict())


def test_other_labels_inputs_and_augmentations_refuse_the_checkpoint(result):
    """A single example that is another one is enough, whichever it is."""
    shuffled = Toy()
    shuffled.y["train"] = np.random.default_rng(1).permutation(shuffled.y["train"])
    louder = Toy()
    louder.augmented = lambda *args: 2 * Toy.augmented(louder, *args)
    recorded_anew = [Toy(), Toy()]
    recorded_anew[0].x["train"][5] *= 1.01
    recorded_anew[1].x["val"][-2] *= 1.01
    for data in (shuffled, louder, *recorded_anew):
        with pytest.raises(SpecError, match="another training"):
            train(result[1], data=data)


def test_an_augmentation_with_random_numbers_of_its_own_still_resumes(tmp_path, monkeypatch):
    data = Toy()
    data.augmented = lambda *args: Toy.augmented(data, *args) + torch.rand(())
    with monkeypatch.context() as m:
        stop_after(m, 2)
        with pytest.raises(Stop):
            train(tmp_path, data=data)
    assert len(train(tmp_path, data=data).history) == 6


def test_a_training_goes_on_in_the_precision_it_began_in(tmp_path, monkeypatch):
    settings = replace(QUICK, precision="auto", epochs=2, qat_epochs=1)
    asked = []
    for precision in ("fp32", "bf16"):  # as if it went on another machine
        monkeypatch.setattr(train_loop, "pick_precision", lambda name, device, precision=precision: precision)
        monkeypatch.setattr(train_loop, "autocast", lambda device, precision: asked.append(precision) or nullcontext())
        with monkeypatch.context() as m:
            stop_after(m, 1)
            with pytest.raises(Stop):
                train(tmp_path, settings)
    assert set(asked) == {"fp32"}


def test_a_damaged_checkpoint_is_named(tmp_path):
    (tmp_path / "checkpoint.pt").write_bytes(b"PK\x03\x04 half a file")
    with pytest.raises(FileError, match=r"checkpoint.pt: not a readable checkpoint .* delete it"):
        train(tmp_path)


def test_a_full_disk_keeps_the_old_checkpoint(tmp_path, monkeypatch):
    stop_after(monkeypatch, 2)
    with pytest.raises(Stop):
        train(tmp_path)
    monkeypatch.undo()
    before = (tmp_path / "checkpoint.pt").read_bytes()

    def full(path, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("micronets.design.checkpoint.write_atomic", full)
    with pytest.raises(FileError, match=r"No space left on device\); the previous checkpoint is intact; free space"):
        train(tmp_path)
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


def test_divergence_is_one_clear_error(tmp_path):
    settings = replace(QUICK, warmup=0)
    object.__setattr__(settings, "lr", 1e30)  # beyond what the settings allow: it diverges at once
    with pytest.raises(
        TrainingError, match=r"the loss became nan in epoch 1 of the float stage; lower lr \(now 1e\+30\)"
    ):
        train(tmp_path, settings)


def test_no_validation_examples(tmp_path):
    with pytest.raises(DataError, match="no validation examples"):
        train(tmp_path, data=Toy(val=0))


def test_initial_weights_and_teacher_are_used(result, tmp_path):
    trained = result[0]
    settings = replace(QUICK, epochs=1, qat_epochs=0, lr=1e-6)
    started = train(tmp_path / "init", settings, init=trained.float_state)
    assert started.quantised_score is None
    assert abs(started.float_score - trained.float_score) < 0.05
    taught = train(
        tmp_path / "taught", replace(QUICK, epochs=2, qat_epochs=0, distill_weight=1.0), teacher=trained.float_net()
    )
    alone = train(tmp_path / "alone", replace(QUICK, epochs=2, qat_epochs=0))
    assert not equal(taught.state, alone.state)


def test_objective_by_hand():
    logits, teacher = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 2.0]])
    y = torch.tensor([0])
    hard = -np.log(np.exp(1) / (np.exp(1) + 1))
    s, t = np.exp([0.5, 0]) / np.exp([0.5, 0]).sum(), np.exp([0, 1]) / np.exp([0, 1]).sum()
    soft = 4 * (t * np.log(t / s)).sum()
    loss = optim.make_loss(0.0, 0.25, 2.0)
    assert float(loss(logits, y, teacher)) == pytest.approx(0.75 * hard + 0.25 * soft, rel=1e-5)
    assert float(loss(logits, y, None)) == pytest.approx(hard, rel=1e-5)
    both, twice = logits.repeat(2, 1), y.repeat(2)
    given = torch.tensor([True, False])  # of the second example the teacher knows nothing
    mean = ((0.75 * hard + 0.25 * soft) + hard) / 2
    assert float(loss(both, twice, teacher.repeat(2, 1), given)) == pytest.approx(mean, rel=1e-5)


@pytest.mark.parametrize("teacher", [None, torch.zeros(2, 3)])
def test_objective_of_examples_that_were_made_by_hand(teacher):
    logits = torch.tensor([[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]])
    y, given = torch.tensor([0, 0]), torch.tensor([True, False])
    p = np.exp([1, 2, 3]) / np.exp([1, 2, 3]).sum()
    right = -np.log(p[0] + p[1])  # of either class, without label smoothing
    loss = optim.make_loss(0.1, 0.0, 2.0, accepted=(0, 1), made_weight=5.0)
    assert float(loss(logits, y, teacher, given)) == pytest.approx((np.log(3) + 5 * right) / 2, rel=1e-5)


def test_a_teacher_is_not_followed_on_negatives(tmp_path):
    rng = np.random.default_rng(0)
    fe = FrontEnd(clip_ms=100, n_mels=8, arithmetic="float")
    x = rng.integers(0, 200, (24, fe.frames, 8)).astype(np.uint8)
    y = np.arange(24, dtype=np.int64) % 2
    data = KwsData(
        classes=("_silence_", "yes"), source="test", frontend=fe, features={"train": x, "val": x},
        target={"train": y, "val": y}, background=x[:2], made=8,
    )  # fmt: skip
    arch = Arch((fe.frames, 8, 1), (FullyConnected(name="a", inputs=(INPUT,), units=2),))

    def weights_after(rows, logits):
        teacher = Constant(torch.tensor(logits))
        settings = replace(QUICK, distill_weight=1.0)
        loop = train_loop.TrainLoop(TrainingJob(arch, data, {}, settings, seed=1, teacher=teacher), tmp_path)
        loop._train_step(torch.tensor(rows), 10)
        return loop.net.state_dict()

    negatives, words = list(range(16, 24)), list(range(8))
    assert equal(weights_after(negatives, [0.0, 9.0]), weights_after(negatives, [9.0, 0.0]))
    assert not equal(weights_after(words, [0.0, 9.0]), weights_after(words, [9.0, 0.0]))


class Constant(torch.nn.Module):
    """A teacher that says the same of everything."""

    def __init__(self, logits):
        super().__init__()
        self.logits = logits

    def forward(self, x):
        return self.logits.expand(len(x), -1)


def test_schedule():
    rates = [optim.cosine_schedule(i, 100, 10) for i in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9] == rates[10] == 1.0
    assert rates[99] < 0.012
    assert all(a >= b for a, b in pairwise(rates[10:]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": -1}, "epochs = -1; need 0 or more"),
        ({"ema_decay": 1.5}, "ema_decay = 1.5"),
        ({"start_share": 1}, "start_share = 1; a share from 0 to below 1"),
        ({"made_weight": 0}, "made_weight = 0; need more than 0"),
        ({"optimiser": "lion"}, "optimiser = 'lion'; allowed: adamw, sgd"),
        ({"precision": "fp16"}, "precision = 'fp16'"),
    ],
)
def test_bad_settings(change, message):
    with pytest.raises(SpecError, match=message):
        TrainSettings(**change)


class Counting(torch.nn.Module):
    """A teacher of the toy task that counts the batches it is asked for, and keeps what it saw."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, x):
        self.seen.append(x.clone())
        return 5 * torch.stack([x[:, 2 * c + 1].mean((1, 2)) for c in range(3)], 1)


@pytest.mark.parametrize("mixup", [0.0, 0.5])
def test_a_teacher_is_asked_once_for_every_view(tmp_path, mixup):
    settings = replace(QUICK, epochs=5, qat_epochs=2, mixup=mixup, distill_weight=0.9)
    often, seldom = Counting(), Counting()
    train(tmp_path / "often", settings, teacher=often)
    taught = train(tmp_path / "seldom", settings, teacher=seldom, teacher_views=2)
    assert len(often.seen) == 7 * 6
    assert len(seldom.seen) == 2 * 6
    plain = [torch.equal(a, b) for a, b in zip(often.seen, seldom.seen, strict=False)]
    assert all(plain) == (mixup == 0)  # what is asked once is not mixed
    assert taught.float_score > 0.85


def test_views_that_are_seen_again_resume_bit_for_bit(tmp_path, monkeypatch):
    settings = replace(QUICK, epochs=3, qat_epochs=1, mixup=0.3)
    taught = {"teacher": Counting(), "teacher_views": 2}
    whole = train(tmp_path / "whole", settings, **taught)
    with monkeypatch.context() as patch:
        stop_after(patch, 2)
        with pytest.raises(Stop):
            train(tmp_path / "part", settings, **taught)
    assert equal(train(tmp_path / "part", settings, **taught).state, whole.state)
    with pytest.raises(SpecError):
        train(tmp_path / "part", settings, teacher=Counting(), teacher_views=3)


def test_a_teacher_sees_its_own_view(tmp_path):
    teacher = Counting()
    data, asked = Toy(), []

    def view(indices, generator):
        asked.append(indices)
        return data.augmented(indices, {}, generator) * 2

    settings = replace(QUICK, epochs=1, qat_epochs=0, mixup=0.5)
    other = Counting()
    train(tmp_path / "own", settings, data=data, teacher=teacher, teacher_view=view)
    train(tmp_path / "same", settings, data=data, teacher=other)
    assert len(asked) == 1 + 6  # once to know the training by, then once a step
    assert all(torch.allclose(a, 2 * b, atol=1e-5) for a, b in zip(teacher.seen, other.seen, strict=True))


@pytest.fixture(scope="module")
def learnt(tmp_path_factory):
    """A network that has learnt the task, to teach others."""
    return train(tmp_path_factory.mktemp("teacher"), replace(QUICK, qat_epochs=0)).float_net()


def test_a_map_of_the_teacher_is_learnt(tmp_path, learnt):
    settings = replace(QUICK, epochs=20, qat_epochs=0, distill_weight=0.0, hint_weight=3.0)
    job = TrainingJob(ARCH, Toy(), {}, settings, seed=2, teacher=learnt)
    before, after = train_loop.TrainLoop(job, tmp_path / "a"), train_loop.TrainLoop(job, tmp_path / "b")
    after.run()
    x = torch.from_numpy(Toy().inputs("train", {}))

    def distance(loop):
        with torch.no_grad():
            maps = (
                net.eval().with_maps(x, (name,))[1][name]
                for net, name in ((loop.net, loop.hint.learner), (learnt, loop.hint.name))
            )
            return float(loop.hint(next(maps), loop.hint.of_teacher(next(maps))))

    assert distance(before) > 0.9
    assert distance(after) < 0.6


def test_a_training_with_hints_resumes_bit_for_bit(tmp_path, monkeypatch, learnt):
    settings = replace(QUICK, epochs=2, qat_epochs=1, mixup=0.3, hint_weight=1.0)
    whole = train(tmp_path / "whole", settings, teacher=learnt, teacher_views=2)
    for saves in (1, 2, 4):
        with monkeypatch.context() as patch:
            stop_after(patch, saves)
            with pytest.raises(Stop):
                train(tmp_path / f"{saves}", settings, teacher=learnt, teacher_views=2)
        assert equal(train(tmp_path / f"{saves}", settings, teacher=learnt, teacher_views=2).state, whole.state)


def test_hints_need_a_teacher_that_tells_its_maps(tmp_path):
    with pytest.raises(SpecError, match="hint_weight needs a teacher that returns its maps"):
        train(tmp_path, replace(QUICK, hint_weight=1.0), teacher=Counting())


def test_the_richest_map_is_the_deepest_of_those_that_are_nearly_as_rich():
    g = torch.Generator().manual_seed(1)
    rich = torch.randn((8, 6, 4, 4), generator=g)
    poor = rich[:, :1] * torch.randn((1, 6, 1, 1), generator=g)
    names = {"a": rich, "b": rich + 0.1, "c": poor, "d": torch.zeros_like(rich)}
    assert richest_map(names) == "b"
    with pytest.raises(SpecError, match="a teacher with convolutions"):
        richest_map({})
    assert learner_of(ARCH, ("a", "c"), (8, 4)) == "a"
    assert learner_of(ARCH, ("a", "c"), (4, 1)) == "c"
    assert learner_of(ARCH, ("a", "c"), (16, 16)) == "a"
