"""Files that make the directory of a compiled network a library for Zephyr and for PlatformIO.

For CMake, `package` writes its CMakeLists.txt.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from micronets.compiler.generate import package
from micronets.compiler.generate.model_c import Compiled
from micronets.compiler.kernel_files import is_source

EXAMPLE = "example.c"  # a program of its own, in no library

_MODULE = """\
# Tells Zephyr's build system what this module consists of.
name: micronets_model
build:
  cmake: zephyr
  kconfig: zephyr/Kconfig
"""

_KCONFIG = """\
config MICRONETS_MODEL
\tbool "{title}"
\thelp
\t  Adds the network to the build: #include "model.h".
\t  Memory: {arena} bytes of arena, given by the caller.
\t  Constants: {constants} bytes.
"""

_CMAKE = """\
# Read by Zephyr as a module; elsewhere, use the CMakeLists.txt above this directory.
if(CONFIG_MICRONETS_MODEL)
  zephyr_library()
  zephyr_library_sources(
{sources}
  )
  zephyr_library_compile_options(-O2) # also where the application is built for size
  zephyr_include_directories(..)
endif()
"""


def library_files(compiled: Compiled, version: str) -> Mapping[str, str]:
    """Returns the manifests by path, to be written beside `compiled.files`; version: that of micronets."""
    sources = [name for name in sorted(compiled.files) if is_source(name) and name != EXAMPLE]
    title = package.title(compiled.model)
    manifest = {
        "name": "micronets_model",
        "version": version,
        "description": title,
        "frameworks": "*",
        "platforms": "*",
        "headers": "model.h",
        "build": {"srcDir": ".", "includeDir": ".", "srcFilter": [f"+<{name}>" for name in sources], "flags": ["-O2"]},
    }
    return {
        "library.json": json.dumps(manifest, indent=2) + "\n",
        "zephyr/module.yml": _MODULE,
        "zephyr/Kconfig": _KCONFIG.format(title=title, arena=compiled.arena_bytes, constants=compiled.constant_bytes),
        "zephyr/CMakeLists.txt": _CMAKE.format(sources="\n".join(f"    ../{name}" for name in sources)),
    }
