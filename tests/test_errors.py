"""The tree of errors that errors.py draws is the one that it defines."""

import inspect
import re

from micronets import errors


def test_the_tree_is_drawn_as_it_is() -> None:
    drawn, parents, code = {}, [errors.MicronetsError.__name__], {0: 2}
    for line in str(errors.__doc__).splitlines():
        found = re.match(r"((?:[ │]   )*)(?:[├└]── )?(\w+) {2,}(.*)", line)
        if not found:
            continue
        depth = len(found[1]) // 4 + ("──" in line)
        told = re.search(r"exit code (\d)", found[3])
        code[depth] = int(told[1]) if told else code[max(depth - 1, 0)]
        parents[depth:] = [found[2]]
        drawn[found[2]] = (parents[depth - 1] if depth else "Exception", code[depth])
    defined = {
        name: (kind.__bases__[0].__name__, kind.exit_code)
        for name, kind in vars(errors).items()
        if inspect.isclass(kind) and issubclass(kind, errors.MicronetsError)
    }
    assert drawn == defined
