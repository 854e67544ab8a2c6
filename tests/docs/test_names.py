"""Every file, module, function and C name that README.md, docs/*.md or a docstring puts in backticks is there."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import micronets
from docs.wrap_markdown import pages
from micronets.pipeline.config import Config

ROOT = Path(__file__).parents[2]
PACKAGE = Path(micronets.__file__).parent
SOURCES = sorted([*PACKAGE.rglob("*.py"), *(ROOT / "benchmarks").glob("*.py"), *(ROOT / "docs").glob("*.py")])

FOLDERS = {p.name for base in (ROOT, PACKAGE) for p in base.iterdir() if p.is_dir() and not p.name.startswith(".")}
"""A path that begins with one of these is one of ours. Others are the user's: `my_words/`, `runs/x`, `annotations/`."""
MODULES = [
    ".".join(["micronets", *(p.parent if p.stem == "__init__" else p.with_suffix("")).relative_to(PACKAGE).parts])
    for p in SOURCES
    if p.is_relative_to(PACKAGE)
]
STEMS = {name.split(".")[-1] for name in MODULES}
SECTIONS = {"data", "train", "teacher", "sweep"} | set(Config.__dataclass_fields__)
"""`budget.macs` is a setting, though there may be a module of that name."""
OF_A_RUN = re.compile(r"(search|teacher|train|compile|evaluate|run)/(\w+\.\w+)?$")
"""Files of a run directory: `search/arch.json`."""
OF_A_MODEL = {"micronets.detector", "micronets.frontend", "micronets.labels", "micronets.task"}
"""Keys of a model's metadata."""
ENDINGS = (
    *("c", "cc", "h", "S", "py", "md", "html", "json", "jsonl", "toml", "tflite"),
    *("csv", "npy", "npz", "jpg", "png", "pt", "txt", "wav"),
)

C_TEXT = "\n".join(
    p.read_text("utf-8")
    for base in (PACKAGE, ROOT / "tests" / "support")
    for p in sorted(base.rglob("*"))
    if p.suffix in (".c", ".h", ".S", ".cc", ".py") and p.is_file()
)

GENERATOR_TEXT = "\n".join(p.read_text("utf-8") for p in sorted((PACKAGE / "compiler/generate").glob("*.py")))

OF_A_NETWORK = re.compile(
    r"(?:micronets|MICRONETS)_(?:model|MODEL|kws|KWS)(?:_(\w+))?(?:\([\w, ]*\))?|(?:model|kws)(?:_(\w+))?\.[ch]"
)
"""Names in the C of a network, which pages call model or kws; the generator writes what stands behind that."""


def spans(text: str) -> Iterator[str]:
    """Yields what stands in single backticks, in one line each; code in fences is not looked at."""
    without_fences = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    for span in re.findall(r"`([^`]+)`", without_fences):
        yield " ".join(span.split())


def exists(path: str, *bases: Path) -> bool:
    """Returns whether a path is there, from the repository or one of `bases`; capitals stand for any name."""
    pattern = re.sub(r"\b(NAME|DIR|X)\b", "*", path.rstrip("/"))
    return any(next(base.glob(pattern), None) is not None for base in (ROOT, PACKAGE, *bases))


def resolves(dotted: str) -> bool:
    """Returns whether a dotted name is a module, or something in one, imported as far as it must be."""
    parts = dotted.split(".")
    for n in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:n]))
        except ImportError:
            continue
        for part in parts[n:]:
            fields = getattr(found, "__dataclass_fields__", {})
            if not hasattr(found, part) and part not in fields:
                return False
            found = getattr(found, part, None)
        return True
    return False


def wrong(span: str, beside: Path) -> bool:
    """Returns whether a text in backticks names something of ours that is not there.

    beside: the directory of the page or source, whose neighbours may be named without a path.
    """
    module = re.match(r"(?:python3? )-m ((?:benchmarks|docs|micronets)[\w.]*)", span)
    if module:
        return not resolves(module[1])
    if re.fullmatch(r"\w+\.py", span):
        return not exists(span, beside)
    network = OF_A_NETWORK.fullmatch(span)
    if network:
        return (network[1] or network[2] or "") not in GENERATOR_TEXT
    if re.fullmatch(r"\w+\.(c|cc|h|S)|(micronets|MICRONETS)_\w+(\.\w+|\([\w, ]*\))?", span):
        return re.match(r"[\w.]+", span)[0] not in C_TEXT and not exists(f"**/{span}")  # type: ignore[index]
    if re.fullmatch(r"[\w.*/-]+", span) and "/" in span:
        return span.split("/")[0] in FOLDERS and not OF_A_RUN.match(span) and not exists(span, beside)
    if re.fullmatch(r"[a-z_]\w*(\.\w+)+", span) and span.split(".")[-1] not in ENDINGS:
        full = re.sub(r"^mn\.", "micronets.", span)  # as the page on Python imports it
        return span not in OF_A_MODEL and span.split(".")[0] not in SECTIONS and not is_name(full)
    return False


def is_name(dotted: str) -> bool:
    """Returns whether a dotted name is in the package: in full, without `micronets.`, or as in `net.Net`."""
    if dotted.split(".")[0] == "micronets":
        return resolves(dotted)
    head, _, rest = dotted.partition(".")
    return resolves(dotted) or any(resolves(f"{name}.{rest}") for name in MODULES if name.split(".")[-1] == head)


def variables_of(page: Path) -> set[str]:
    """Returns the names of arguments and variables in the Python that a page shows."""
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    nodes = [n for block in blocks for n in ast.walk(ast.parse(block))]
    return {n.arg for n in nodes if isinstance(n, ast.arg)} | {n.id for n in nodes if isinstance(n, ast.Name)}


@pytest.mark.parametrize("page", pages(), ids=lambda p: p.name)
def test_names_on_a_page_exist(page: Path) -> None:
    wrong_ones = [s for s in spans(page.read_text("utf-8")) if wrong(s, page.parent)]
    assert [s for s in wrong_ones if s.split(".")[0] not in variables_of(page) - {"mn"}] == []


@pytest.mark.parametrize("page", pages(), ids=lambda p: p.name)
def test_a_page_names_what_is_in_the_package_in_full(page: Path) -> None:
    dotted = [s for s in spans(page.read_text("utf-8")) if re.fullmatch(r"[a-z_]\w*(\.[A-Za-z_]\w*)+", s)]
    ours = [s for s in dotted if s.split(".")[0] in STEMS - SECTIONS and s.split(".")[-1] not in ENDINGS]
    assert [s for s in ours if s.split(".")[0] not in {"micronets", "benchmarks"} | variables_of(page)] == []


def docstrings(source: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(source.read_text("utf-8"))):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value


NOUNS = {"arch", "board", "layer", "model", "step"}


def variables(source: Path) -> set[str]:
    """Returns the names of arguments and variables, and our nouns, whose fields a docstring may name."""
    nodes = list(ast.walk(ast.parse(source.read_text("utf-8"))))
    return NOUNS | {n.arg for n in nodes if isinstance(n, ast.arg)} | {n.id for n in nodes if isinstance(n, ast.Name)}


def test_names_in_a_docstring_exist() -> None:
    for source in SOURCES:
        names = [s for text in docstrings(source) for s in spans(text) if wrong(s, source.parent)]
        assert [s for s in names if s.split(".")[0] not in variables(source)] == [], source


@pytest.mark.parametrize(
    "span",
    [
        *("`arch.py`", "`compiler/columns.py`", "`micronets.plan`", "`device/sim.py`", "`arena.arena_tflm_bytes`"),
        *("`micronets_nothing`", "`python -m benchmarks.nothing`", "`docs/nothing.md`", "`micronets.ir.arch.Nothing`"),
    ],
)
def test_a_name_that_is_not_there_is_found(span: str) -> None:
    assert [wrong(s, ROOT / "docs") for s in spans(span)] == [True]
