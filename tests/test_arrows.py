"""Which folder may import which: deploy and design import the core, and only what stands on top imports both.

The imports are read from the sources; nothing is imported.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import micronets
from docs.folders import ALLOWED, ALONE

ROOT = Path(micronets.__file__).parent


def sources() -> dict[str, Path]:
    """Returns the path of every source file by its dotted name without the package's."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name:
            found[name] = path
    return found


MODULES = sources()


@cache
def parsed(name: str) -> ast.Module:
    """Returns what a source file says; a process reads it when a test asks for it, not when it lists the tests."""
    return ast.parse(MODULES[name].read_text("utf-8"))


def folder(name: str) -> str:
    """Returns the first part of a dotted name: the folder that a module lies in, or the module beside the folders.

    `python -m micronets` starts the command line, and is a part of it.
    """
    return "cli" if name == "__main__" else name.split(".")[0]


def test_every_folder_has_its_place() -> None:
    assert {folder(n) for n in MODULES} == ALLOWED.keys() | ALONE


def test_folders_stand_after_what_they_may_import() -> None:
    below: set[str] = set()
    for name, allowed in ALLOWED.items():
        assert allowed <= below, name
        below.add(name)


def imports(node: ast.AST, top_only: bool = False) -> Iterator[str]:
    """Yields the names that a file imports; with `top_only`, those that are imported whenever the file is."""
    waiting = [node]
    while waiting:
        child = waiting.pop()
        if isinstance(child, ast.Import):
            yield from (a.name for a in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "absolute imports only"
            yield child.module or ""
            yield from (f"{child.module}.{a.name}" for a in child.names)
        elif isinstance(child, ast.expr):
            continue
        elif not top_only or not (isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)) or _for_types(child)):
            waiting += ast.iter_child_nodes(child)


def _for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def test_no_module_imports_from_a_folder_it_must_not_see() -> None:
    folders = {folder(name) for name in MODULES}
    for name in MODULES:
        own = folder(name)
        allowed = ALONE | (ALLOWED[own] | {own} if own not in ALONE else set())
        for imported in imports(parsed(name)):
            package, _, rest = imported.partition(".")
            head = folder(rest)
            assert package != "micronets" or head not in folders - allowed, f"{name} imports {imported}"


def test_torch_is_imported_by_design_and_by_the_augmentation_of_tasks_alone() -> None:
    for name in MODULES:
        if folder(name) != "design" and not (folder(name) == "tasks" and name.endswith(".augment")):
            assert not [i for i in imports(parsed(name), top_only=True) if folder(i) == "torch"], name


def test_the_deploy_half_and_the_command_line_load_no_torch() -> None:
    names = (
        *(
            "cli",
            "compiler",
            "tflite",
            "device.tflm.interpreter",
            "quantized.reference",
            "cost.costs",
            "commands.evaluate",
        ),
        *("commands.inspect", "pipeline.stages.evaluate", "pipeline.perform", "tasks"),
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
    for name in MODULES:
        calls = [n.func for n in ast.walk(parsed(name)) if isinstance(n, ast.Call)]
        printing = [f for f in calls if isinstance(f, ast.Name) and f.id == "print"]
        assert not printing or name.startswith("cli"), name
