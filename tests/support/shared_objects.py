"""Objects of C that the processes of a test run make once for all of them.

`micronets.device.kept_objects` keeps what a process has compiled as long as that process lives. Here what one process
has compiled is found by the others too: by the other worker, and by processes that tests start.
"""

import os
from collections import OrderedDict
from pathlib import Path
from typing import Any

from micronets.device import kept_objects

_FOLDER = "MICRONETS_TEST_OBJECTS"


class SharedObjects(OrderedDict[bytes, bytes]):
    """What `kept_objects` keeps, by the same keys, with a file of a folder for each object."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def get(self, key: bytes, default: Any = None) -> Any:
        """Returns an object of this process, or one that another process has made."""
        if key not in self:
            try:
                super().__setitem__(key, (self._folder / key.hex()).read_bytes())
            except FileNotFoundError:
                return default
        return self[key]

    def __setitem__(self, key: bytes, made: bytes) -> None:
        """Keeps an object for this process and for the others, which never see a part of it."""
        super().__setitem__(key, made)
        part = self._folder / f"{key.hex()}.{os.getpid()}"
        part.write_bytes(made)
        part.replace(self._folder / key.hex())


def share(folder: Path) -> None:
    """Shares objects by a folder in this process, and in those that it starts and that call `join`."""
    folder.mkdir(exist_ok=True)
    os.environ[_FOLDER] = str(folder)
    join()


def join() -> None:
    """Shares objects as the process does that has started this one; does nothing where there is no such process."""
    if _FOLDER in os.environ:
        kept_objects._kept = SharedObjects(Path(os.environ[_FOLDER]))
