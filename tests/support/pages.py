"""The commands that README and docs tell people to type."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def shell_commands(page: str) -> list[str]:
    """Returns every command of the `sh` blocks of a page, a path from the repository's root, on one line each."""
    text = (ROOT / page).read_text("utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [" ".join(line.split()) for block in blocks for line in block.replace("\\\n", " ").splitlines()]
