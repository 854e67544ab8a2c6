"""benchmarks/guard.py: what is recorded twice is equal, and what has changed is told."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks import guard
from micronets.tflite import read, write
from tests.support.random_models import random_arch, random_model


def record(out: Path, networks: Path) -> dict[str, Any]:
    """Returns the record of two random networks, whose files are in `networks`."""
    words = ("--part", "random", "--random", "2", "--quick", "--processes", "1", "--networks", str(networks))
    assert guard.main(["record", str(out), *words]) == 0
    found: dict[str, Any] = json.loads(out.read_text("utf-8"))
    return found


def compared(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str]:
    """Returns the exit code of `compare` and what it prints."""
    capsys.readouterr()
    code = guard.main(["compare", *map(str, words)])
    return code, capsys.readouterr().out


def test_two_networks_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, again, after = (tmp_path / f"{name}.json" for name in ("before", "again", "after"))
    figures = record(before, tmp_path / "networks")["parts"]["random"]["random 001"]
    assert figures["read"] == {"outcome": "reads"}
    assert figures["outputs"]["whole"] == figures["outputs"]["reference"]
    assert set(figures["text"]["network"]["whole"]) == {"model.c", "model.h"}
    assert any(figures["text"]["kernels"]["whole"])
    assert figures["inspect"]["arena_c_bytes"] == figures["predictions"]["whole"]["arena_bytes"]
    sizes = figures["sizes"]["whole"][guard.BOARD]
    if not sizes["says"]:  # else there is no cross compiler or no simulator here, which is recorded in its place
        assert sizes["bit_exact"]
        assert len(figures["cycles"]["whole"][guard.BOARD]["layers"]) > 0
    record(again, tmp_path / "networks")
    code, text = compared(capsys, before, again)
    assert code == 0, text
    assert text.splitlines()[-1] == "nothing differs but what is allowed"

    path = tmp_path / "networks/random001.tflite"
    model = read(path.read_bytes())
    name, weights = next(iter(model.weights.items()))
    values = weights.weights.copy()
    values.flat[0] ^= 1
    changed = replace(model, weights={**model.weights, name: replace(weights, weights=values)})
    path.write_bytes(write(changed))
    record(after, tmp_path / "networks")
    code, text = compared(capsys, before, after, "--allow", "outputs", "--allow", "written", "--allow", "file")
    assert code == 1, text
    assert "text/network/whole/model.c: 1 in 1 networks\n    random: random 001: " in text
    assert "random 000" not in text


def made_up(path: Path, **figures: Any) -> Path:
    """Returns a record of one random network with these figures, in the file `path`."""
    cycles = {"whole": {"board": {"cycles": 7, "layers": [[3], [4]]}}}
    usual = {"read": {"outcome": "reads"}, "text": {"network": {"whole": {"model.c": "a"}}}, "outputs": {"c": "b"}}
    parts = {"random": {"random 000": {**usual, "cycles": cycles, **figures}}}
    whole = {"settings": {"quick": False, "random": 1}, "environment": {"python": "3"}, "parts": parts}
    path.write_text(json.dumps(whole), "utf-8")
    return path


@pytest.mark.parametrize(
    ("figures", "told"),
    [
        ({"outputs": {"c": "x"}}, "outputs/c: 1 in 1 networks\n    random: random 000: b -> x"),
        ({"outputs": {}}, "outputs/c: 1 in 1 networks\n    random: random 000: b -> nothing"),
        ({"outputs": {"c": "b", "more": "b"}}, "outputs/more: 1 in 1 networks\n    random: random 000: nothing -> b"),
        ({"read": {"outcome": "refused"}}, "read/outcome: 1 in 1 networks\n    random: random 000: reads -> refused"),
        (
            {"cycles": {"whole": {"board": {"cycles": 7, "layers": [[4], [3]]}}}},
            "cycles/whole/board/layers/*/*: 2 in 1 networks\n    random: random 000: 3 -> 4\n    random: random 000: 4",
        ),
    ],
)
def test_what_differs_is_told(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    figures: dict[str, Any],
    told: str,
) -> None:
    before, after = made_up(tmp_path / "before.json"), made_up(tmp_path / "after.json", **figures)
    code, text = compared(capsys, before, after, "--allow", "text")
    assert (code, told in text) == (1, True), text
    kind = told.split("/")[0]
    assert compared(capsys, before, after, "--allow", kind)[0] == 0
    assert compared(capsys, before, after, "--allow", told.split(":")[0].replace("/*", ""))[0] == 0
    assert compared(capsys, before, after, "--allow", kind[:-1])[0] == 1


def test_text_may_differ_where_it_is_allowed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    after = made_up(tmp_path / "after.json", text={"network": {"whole": {"model.c": "other"}}})
    before = made_up(tmp_path / "before.json")
    assert compared(capsys, before, after)[0] == 1
    assert compared(capsys, before, after, "--allow", "text")[0] == 0
    assert compared(capsys, before, after, "--allow", "text/kernels")[0] == 1


def test_a_figure_with_a_new_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = made_up(tmp_path / "before.json")
    after, other = (made_up(tmp_path / f"{i}.json", outputs={"new": i}) for i in "bx")
    assert compared(capsys, before, after)[0] == 1
    assert compared(capsys, before, after, "--renamed", "outputs/c=outputs/new")[0] == 0
    assert compared(capsys, before, other, "--renamed", "outputs/c=outputs/new")[0] == 1
    with pytest.raises(SystemExit, match="--renamed outputs/c: need OLD=NEW"):
        guard.main(["compare", str(before), str(after), "--renamed", "outputs/c"])


def test_records_that_cannot_be_compared(tmp_path: Path) -> None:
    before, quick = made_up(tmp_path / "before.json"), made_up(tmp_path / "quick.json")
    quick.write_text(quick.read_text("utf-8").replace('"quick": false', '"quick": true'), "utf-8")
    with pytest.raises(SystemExit, match="one of the records is quick and the other is not"):
        guard.main(["compare", str(before), str(quick)])
    quick.write_text("[]", "utf-8")
    with pytest.raises(SystemExit, match="not a record of this program"):
        guard.main(["compare", str(before), str(quick)])
    with pytest.raises(SystemExit, match="cannot read this record"):
        guard.main(["compare", str(before), str(tmp_path / "none.json")])


def test_a_network_that_fails_or_is_refused_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.tflite"
    job = guard.Job("name", path, 1, ())
    path.write_bytes(b"no model")
    refused = guard.record_networks([job])["name"]
    assert (refused["read"]["outcome"], refused["read"]["exit_code"]) == ("refused", 2)
    assert "micronets: name: " in refused["inspect"]["says"]
    path.write_bytes(write(random_model(random_arch(0), 0)))

    def fault(*_: object) -> None:
        raise KeyError("a fault")

    monkeypatch.setattr(guard, "run_reference", fault)
    assert guard.record_networks([job])["name"]["read"]["outcome"] == "failed: KeyError"
