"""Who may import whom: core <- deploy, core <- design, and only the top sees both. Read from the sources, not by importing."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import micronets

ROOT = Path(micronets.__file__).parent

CORE = {
    *("arch", "arena", "board", "cost", "counts", "cycles", "errors", "files", "filesize", "fit", "latency", "model", "plan"),
    *("power", "quant", "reference", "softmax", "space", "spaces", "untrained", "validate"),
}
DEPLOY = {"compiler", "device", "tflite"}
DESIGN = {
    *("checkpoint", "export", "fakequant", "frontend", "net", "ops", "optim", "predict", "search", "search_settings"),
    *("searching", "supernet", "tasks", "train", "train_settings", "training"),
}
TOP = {
    *("characterize", "cli", "compilation", "config", "deployment", "dryrun", "evaluation", "fetch", "findings"),
    *("inspection", "latency_fit", "measurement"),
    *("onboard", "ontflm", "report", "run", "rundir", "sample", "simulated", "stages", "tables", "verdict", "work"),
}
ALLOWED = {"core": CORE, "deploy": CORE | DEPLOY, "design": CORE | DESIGN, "top": CORE | DEPLOY | DESIGN | TOP}
TORCH = {
    *("checkpoint", "export", "fakequant", "net", "ops", "optim", "predict", "search", "searching", "supernet", "train"),
    "training",
    *("tasks.adaugment", "tasks.augment"),
    "tasks.imageaugment",
}


def modules() -> dict[str, ast.Module]:
    """Every source file by its dotted name without the package's."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name:
            found[name] = ast.parse(path.read_text("utf-8"))
    return found


MODULES = modules()


def layer(name: str) -> str:
    head = name.split(".")[0]
    for kind, members in (("core", CORE), ("deploy", DEPLOY), ("design", DESIGN), ("top", TOP)):
        if head in members:
            return kind
    raise AssertionError(f"module {name} belongs to no layer: add it to one of the sets above, the lowest that works")


def imports(node: ast.AST, top_only: bool = False) -> Iterator[str]:
    """Names that a file imports; with `top_only`, those that are imported when the file is, and not for types alone."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (a.name for a in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "absolute imports only"
            yield child.module or ""
            yield from (f"{child.module}.{a.name}" for a in child.names)
        elif top_only and (isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)) or _for_types(child)):
            continue
        else:
            yield from imports(child, top_only)


def _for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


@pytest.mark.parametrize("name", MODULES)
def test_no_module_imports_from_a_layer_it_must_not_see(name: str) -> None:
    allowed = ALLOWED[layer(name)]
    for imported in imports(MODULES[name]):
        package, _, rest = imported.partition(".")
        head = rest.split(".")[0]
        if package == "micronets" and head and (ROOT / f"{head}.py").exists() | (ROOT / head).is_dir():
            assert head in allowed, f"{name} ({layer(name)}) imports {imported}"


@pytest.mark.parametrize("name", MODULES)
def test_torch_is_imported_by_the_design_half_alone(name: str) -> None:
    if name not in TORCH:
        assert not [i for i in imports(MODULES[name], top_only=True) if i.split(".")[0] == "torch"], name


def test_the_deploy_half_and_the_command_line_load_no_torch() -> None:
    names = (
        "cli",
        "compiler",
        "tflite",
        "device.tflm",
        "reference",
        "cost",
        "evaluation",
        "inspection",
        "verdict",
        "run",
        "tasks",
    )
    code = "; ".join(f"import micronets.{n}" for n in names) + "; import sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_asking_for_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['micronets', '--help']; from micronets.cli import main\n"
        "try: main()\n"
        "except SystemExit as e: sys.exit(e.code or bool({'torch', 'numpy', 'scipy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, stdout=subprocess.DEVNULL).returncode == 0


def test_nothing_prints_but_the_command_line() -> None:
    for name, tree in MODULES.items():
        calls = [n.func for n in ast.walk(tree) if isinstance(n, ast.Call)]
        printing = [f for f in calls if isinstance(f, ast.Name) and f.id == "print"]
        assert not printing or name.startswith("cli"), name
