"""One run from recordings to report, and everything that can be asked of it afterwards."""

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from micronets import tflite
from micronets.device.tflm import interpreter
from micronets.installation import install
from micronets.tasks.kws import synthetic
from tests.support.calling import Result, call
from tests.support.needs import needs
from tests.support.tones import QUICK, config, tones

torch = needs("torch", "design")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """Returns a finished run, and what the command line said."""
    root = tmp_path_factory.mktemp("run")
    tones(root / "words")
    return root, call("run", config(root, root / "words"))


@pytest.fixture
def copy(made: tuple[Path, Result], tmp_path: Path) -> Path:
    """Returns the run's directory, to be spoiled."""
    return Path(shutil.copytree(made[0] / "run", tmp_path / "run"))


def test_a_run_ends_well_and_says_so(made: tuple[Path, Result]) -> None:
    root, result = made
    assert result.code == 0, result.err
    assert result.out.splitlines()[-1] == f"report: {root / 'run/report.html'}"
    assert "SYNTHETIC" not in result.out
    if interpreter.available():
        assert "TFLM against our integer reference: 0 of 18 output bytes differ" in result.out
    assert "# arena_bytes = 24576" in result.err
    assert re.search(r"^search +step \d+/\d+ +\d+% .* left \d", result.err, re.MULTILINE)
    files = [p.relative_to(root / "run") for p in (root / "run").rglob("*") if p.is_file() and p.name[0] != "."]
    assert {"model.c", "model.h", "CMakeLists.txt"} <= {p.name for p in files if p.parts[0] == "c"}
    names = {str(p) for p in files if p.parts[0] != "c"}
    assert names == {
        *("config.toml", "stages.json", "model.tflite", "measure.json", "evaluate.json", "report.json", "report.html"),
        *(
            "search/checkpoint.pt",
            "search/history.jsonl",
            "search/arch.json",
            "search/values.json",
            "search/weights.pt",
        ),
        *("train/checkpoint.pt", "train/history.jsonl", "train/weights.pt"),
        "mistakes.json",
        "stream.json",
    }


def test_what_got_a_wrong_class_is_told_with_its_file(made: tuple[Path, Result]) -> None:
    root = made[0]
    mistakes = json.loads((root / "run/mistakes.json").read_text())["mistakes"]
    confusion = json.loads((root / "run/report.json").read_text())["confusion"]
    assert len(mistakes) == sum(n for i, row in enumerate(confusion) for j, n in enumerate(row) if i != j)
    assert all((root / "words" / m["file"]).is_file() and m["file"].startswith(m["truth"]) for m in mistakes)


def test_the_report_shows_what_the_model_detects_on_a_stream_of_test_recordings(made: tuple[Path, Result]) -> None:
    found = json.loads((made[0] / "run/stream.json").read_text())
    assert {word for word, *_ in found["words"]} == {"high", "low", "middle"}
    said, detected = (sum(row[i] for row in found["words"]) for i in (1, 2))
    assert said > 3
    assert detected / said > 0.5, found["words"]
    assert found["point"]["miss_rate"] == pytest.approx(1 - detected / said)
    assert found["curve"][0]["false_accepts_per_hour"] >= found["curve"][-1]["false_accepts_per_hour"]
    page = (made[0] / "run/report.html").read_text()
    assert "As it listens" in page
    assert f"{detected} of {said} words detected" in page
    assert "composed of 6 clips of 3 words and 0 others over synthesised noise" in page
    assert page.count("Misses against false accepts an hour") > 1  # for wide and for narrow screens


def test_the_model_learnt_and_keeps_every_limit(made: tuple[Path, Result]) -> None:
    facts = json.loads((made[0] / "run/report.json").read_text())
    assert {r["name"] for r in facts["scores"]} >= {"float", "fake-quantised", "int8, numpy reference"}
    assert all(r["value"] > 0.8 for r in facts["scores"]), facts["scores"]
    assert facts["ok"]
    limits = {r["name"]: r for r in facts["limits"]}
    assert set(limits) == {"arena_bytes", "tflite_bytes", "macs", "sram_bytes", "flash_bytes"}
    assert all(r["value"] <= r["limit"] and r["met"] for r in limits.values())
    assert limits["tflite_bytes"]["value"] == (made[0] / "run/model.tflite").stat().st_size
    assert limits["arena_bytes"]["source"] == ("host" if interpreter.available() else "estimated")
    assert abs(limits["arena_bytes"]["value"] / limits["arena_bytes"]["predicted"] - 1) < 0.02
    assert facts["arena"]["found"] == (limits["arena_bytes"]["value"] if interpreter.available() else None)
    assert facts["arena"]["predicted"] == limits["arena_bytes"]["predicted"]
    assert sum(map(sum, facts["confusion"])) == facts["samples"]["test"] == 6


def test_the_model_carries_labels_and_front_end(made: tuple[Path, Result]) -> None:
    root = made[0]
    model = tflite.read((root / "run/model.tflite").read_bytes())
    assert json.loads(model.metadata["micronets.labels"]) == ["high", "low", "middle"]
    assert json.loads(model.metadata["micronets.frontend"])["n_mels"] == 40
    assert tflite.write(model) == (root / "run/model.tflite").read_bytes()


def test_evaluate_agrees_with_the_run(made: tuple[Path, Result]) -> None:
    root = made[0]
    facts = json.loads((root / "run/report.json").read_text())
    found = call("evaluate", root / "run/model.tflite", "--task", "kws", "--data", root / "words", "--json")
    assert found.err == ""
    row = json.loads(found.out)
    assert (row["metric"], row["samples"], row["runtime"]) == (
        "accuracy",
        6,
        "tflm" if interpreter.available() else "reference",
    )
    assert row["value"] == facts["scores"][-1]["value"]
    assert row["confusion"] == facts["confusion"]
    slow = call(
        "evaluate", root / "run/model.tflite", "--data", root / "words", "--runtime", "reference", "--split", "all"
    )
    assert slow.code == 0
    assert slow.err.splitlines()[0] == f"data      reading {root / 'words'}"
    assert re.search(r"^evaluate  step 60/60  100%  left 0 s$", slow.err, re.MULTILINE)
    assert re.search(r"accuracy [\d.]+ % of 60 clips, runtime reference$", slow.out.strip())


def test_inspect_agrees_with_the_run(made: tuple[Path, Result]) -> None:
    root = made[0]
    facts = json.loads((root / "run/report.json").read_text())
    limits = {r["name"]: r["value"] for r in facts["limits"]}
    row = json.loads(call("inspect", root / "run/model.tflite", "--board", "nucleo-f446re", "--json").out)
    assert (row["macs"], row["ops"], row["flash_bytes"]) == (limits["macs"], 2 * limits["macs"], limits["flash_bytes"])
    assert row["fits"]
    assert sum(r["macs"] for r in row["per_layer"]) == row["macs"]
    assert [r["name"] for r in row["per_layer"]] == [r["name"] for r in facts["layers"]]
    same = json.loads(call("inspect", root / "run/search/arch.json", "--board", "nucleo-f446re", "--json").out)
    assert (same["macs"], same["arena_tflm_host64_bytes"]) == (row["macs"], row["arena_tflm_host64_bytes"])
    text = call("inspect", root / "run/model.tflite", "--board", "nucleo-f446re").out
    assert text.splitlines()[-1] == "model.tflite fits NUCLEO-F446RE, under TFLM and as our C (source: estimated)"


class Page(HTMLParser):
    """What a page refers to, and whether its elements are closed in order."""

    VOID = ("meta",)

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.refers: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.refers += [f"{k}={v}" for k, v in attrs if k in ("src", "href", "srcset", "data") or "url(" in str(v)]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_the_report_is_one_page_that_needs_nothing_else(made: tuple[Path, Result]) -> None:
    text = (made[0] / "run/report.html").read_text()
    page = Page()
    page.feed(text)
    assert page.open == []
    assert page.refers == []
    assert "url(" not in text
    assert "<script" not in text
    words = " ".join(page.words)
    for heading in (
        "Result against budget", "Search trajectory", "Chosen network against the largest", "Memory over time",
        "Layer by layer", "Confusion", "Commands", "every limit is met", "stem", "micronets evaluate",
    ):  # fmt: skip
        assert heading in words, heading
    assert "SYNTHETIC" not in words


def test_a_finished_run_is_not_done_again(made: tuple[Path, Result]) -> None:
    root, first = made
    before = {p: p.stat().st_mtime_ns for p in (root / "run").rglob("*.*") if p.name != ".lock"}
    again = call("run", root / "run", "--resume", "--json")
    assert again.code == 0
    row = json.loads(again.out)
    assert row["ok"]
    assert row["report"] == str(root / "run/report.html")
    assert before == {p: p.stat().st_mtime_ns for p in before}
    assert first.out == call("run", root / "run", "--resume").out


def test_another_configuration_in_the_same_directory_is_refused(made: tuple[Path, Result]) -> None:
    root, _ = made
    other = call("run", root / "tiny.toml", "--resume", "--set", "train.epochs=7")
    assert other.code == 2
    assert other.error == f"{root / 'run'}: holds a run with train.epochs = 6, not 7; name another directory with --out"
    again = call("run", root / "tiny.toml")
    assert again.code == 2
    assert again.error == f"{root / 'run'}: already holds this run; resume it with --resume, or name another --out"


def test_a_stage_alone(copy: Path) -> None:
    model = (copy / "model.tflite").read_bytes()
    out = call("export", copy)
    assert (out.code, out.out.strip()) == (0, str(copy / "model.tflite"))
    assert "done before" in out.err
    assert call("export", copy, "--redo", "--json").code == 0
    assert (copy / "model.tflite").read_bytes() == model
    assert not (copy / "report.html").exists(), "what comes after is gone"
    assert call("report", copy).code == 0
    assert (copy / "report.html").exists()


def test_a_stage_before_its_time(made: tuple[Path, Result], tmp_path: Path) -> None:
    early = call("export", made[0] / "tiny.toml", "--out", tmp_path / "new")
    assert early.code == 2
    assert (
        early.error
        == f"{tmp_path / 'new'}: stage search is not done; do it with: micronets run {tmp_path / 'new'} --resume"
    )


def test_stale_files_are_refused(copy: Path) -> None:
    (copy / "model.tflite").write_bytes(b"other")
    spoiled = call("report", copy)
    assert spoiled.code == 2
    assert "model.tflite: has changed since stage export wrote it; redo it with: micronets export" in spoiled.error


def test_a_missed_limit_exits_with_1(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The search never returns such a network, so the limit is made smaller behind its back.
    from micronets.pipeline.stages import evaluate

    real = evaluate.board_budget
    monkeypatch.setattr(evaluate, "board_budget", lambda *a: type(real(*a))(macs=1000, tflite_bytes=24000))
    result = call("report", copy, "--redo")
    assert result.code == 1
    assert re.search(r"^MACs .* MISSED$", result.out, re.MULTILINE)
    assert re.fullmatch(r"macs = [\d,]+ is over the limit of 1,000", result.error)
    facts = json.loads((copy / "report.json").read_text())
    assert not facts["ok"]
    assert "a limit is missed" in (copy / "report.html").read_text()


def test_without_tflm_the_run_says_what_was_not_checked(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreter, "available", lambda: False)
    result = call("report", copy, "--redo")
    assert result.code == 0
    assert f"TFLM is not installed here ({install('tflm')}): nothing ran under it" in result.out
    facts = json.loads((copy / "report.json").read_text())
    assert facts["bit_exact"] is None
    assert facts["arena"]["found"] is None
    assert {r["name"]: r["source"] for r in facts["limits"]}["arena_bytes"] == "estimated"
    assert "not checked under TFLM" in (copy / "report.html").read_text()


def test_synthetic_data_are_called_synthetic_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("espeakng_loader", reason="needs the speech extra")
    monkeypatch.setattr(synthetic, "SIZES", {"val": 24, "test": 24})
    path = config(tmp_path, "", QUICK)
    result = call("run", path, "--set", "data.synthetic_clips=120")
    assert result.code == 0, result.err
    assert "SYNTHETIC DATA: synthetic speech" in result.out
    assert "SYNTHETIC DATA." in (tmp_path / "run/report.html").read_text()
    assert json.loads((tmp_path / "run/report.json").read_text())["synthetic"]
    assert "synthetic" in tflite.read((tmp_path / "run/model.tflite").read_bytes()).metadata["micronets.data"]
    table = call("evaluate", tmp_path / "run/model.tflite", "--task", "kws")
    assert "SYNTHETIC DATA: " in table.out


def test_a_teacher_is_trained_first(tmp_path: Path) -> None:
    tones(tmp_path / "words", clips=12)
    text = QUICK + "\n[teacher]\noptions = {{ max_width = 60 }}\nvalues = {{ width1 = 12 }}\ntrain = {{ epochs = 2 }}\n"
    path = config(tmp_path, tmp_path / "words", text)
    assert call("search", path).code == 0
    result = call("train", path)
    assert result.code == 0, result.err
    assert result.out.splitlines()[0].endswith("teacher/weights.pt")
    assert "teacher   step" in result.err


def test_a_training_goes_on_from_the_weights_of_a_finished_run(made: tuple[Path, Result], tmp_path: Path) -> None:
    file, out = made[0] / "tiny.toml", tmp_path / "second"
    still = ("--set", "train.lr=1e-9", "--set", "train.epochs=1", "--set", "train.qat_epochs=1", "--out", out)
    missing = ("--set", f"init={tmp_path / 'none'}")
    early = call("search", file, *still, *missing)
    assert early.code == 2
    assert early.error.startswith(f"init = '{tmp_path / 'none'}': no {tmp_path / 'none/train/weights.pt'} there; ")
    shutil.copytree(made[0] / "run", tmp_path / "none")
    assert call("search", file, *still, *missing).code == 0
    result = call("train", file, *still, *missing)
    assert result.code == 0, result.err
    weights = [torch.load(d / "train/weights.pt", weights_only=True) for d in (made[0] / "run", out)]
    first, second = (w["float_state"]["layers.stem.weight"] for w in weights)
    assert torch.allclose(first, second, atol=1e-5)
    arch = out / "search/arch.json"
    other = ("--set", f"init={out}", "--set", "budget.macs=2e5", "--out", tmp_path / "narrow", *still[:-2])
    assert call("search", file, *other).code == 0
    assert arch.read_text() != (tmp_path / "narrow/search/arch.json").read_text()
    refused = call("train", file, *other)
    assert refused.error.startswith(f"init = '{out}': is a run of another network; give both the same space, budget")


def test_a_finished_model_teaches_without_being_trained(made: tuple[Path, Result], tmp_path: Path) -> None:
    file, out = made[0] / "tiny.toml", tmp_path / "taught"
    model = made[0] / "run/model.tflite"
    quick = ("--set", "train.epochs=1", "--set", "train.qat_epochs=1", "--out", out)
    taught = ("--set", f"teacher.model={model}", "--set", "teacher.views=1")
    missing = call("search", file, *quick, "--set", "teacher.model=none.tflite")
    assert missing.code == 2
    assert missing.error.startswith("teacher.model = 'none.tflite': no such file (paths start at ")
    assert "reading" not in missing.err  # no data were looked at
    named = call("search", file, *quick, *taught, "--set", "teacher.front_end=mlperf-mfc")
    assert named.error.startswith("front end 'mlperf-mfc' is not known; did you mean 'mlperf-mfcc'? known: ")
    assert not (out / "search").exists()  # both are told before the search
    assert call("search", file, *quick, *taught).code == 0
    result = call("train", file, *quick, *taught)
    assert result.code == 0, result.err
    assert "teacher   step" not in result.err
    assert (out / "train/weights.pt").is_file()
    assert not (out / "teacher").exists()


def test_an_interruption_before_the_first_checkpoint_leaves_what_a_resumption_needs(
    made: tuple[Path, Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import micronets.design.search_methods

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(micronets.design.search_methods, "search", interrupted)
    result = call("run", made[0] / "tiny.toml", "--out", tmp_path / "new")
    assert result.code == 130
    assert (
        result.error
        == f"interrupted; resume with: micronets run {made[0] / 'tiny.toml'} --out {tmp_path / 'new'} --resume"
    )
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == [".lock", "config.toml"]
