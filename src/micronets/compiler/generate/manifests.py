"""Files that make the directory of a compiled network a library for Zephyr and for PlatformIO.

For CMake, `package` writes its CMakeLists.txt.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from micronets.compiler.generate import package
from micronets.compiler.generate.model_c import Compiled
from micronets.compiler.kernel_files import is_source

EXAMPLE = "example.c"  # example.c is a program of its own, and not part of the library

_MODULE = """\
# Tells Zephyr's build system what this module consists of.
name: {library}
build:
  cmake: zephyr
  kconfig: zephyr/Kconfig
"""

_KCONFIG = """\
config {library_upper}
\tbool "{title}"
\thelp
\t  Adds the network to the build. Programs include "{header}".
\t  Memory: {arena} bytes of arena, given by the caller.
\t  Constants: {constants} bytes.
"""

_CMAKE = """\
# Read by Zephyr as a module; elsewhere, use the CMakeLists.txt above this directory.
if(CONFIG_{library_upper})
  zephyr_library()
  # A kernel that the module of another network has built already is not built a second time.
  foreach(source IN ITEMS
{sources}
  )
    get_property(built GLOBAL PROPERTY MICRONETS_BUILT)
    if(NOT source IN_LIST built)
      zephyr_library_sources(../${{source}})
      set_property(GLOBAL APPEND PROPERTY MICRONETS_BUILT ${{source}})
    endif()
  endforeach()
  zephyr_library_compile_options(-O2) # also where the application is built for size
  zephyr_include_directories(..)
endif()
"""


def library_files(compiled: Compiled, version: str) -> Mapping[str, str]:
    """Returns the manifests, text by path, to be written beside `compiled.files`.

    - compiled: the network.
    - version: the version of micronets, which becomes that of the PlatformIO library.
    """
    sources = [name for name in sorted(compiled.files) if is_source(name) and name != EXAMPLE]
    title, names = package.title(compiled.model), compiled.names
    known = {"library": names.library, "library_upper": names.library.upper(), "header": names.header}
    manifest = {
        "name": names.library,
        "version": version,
        "description": title,
        "frameworks": "*",
        "platforms": "*",
        "headers": names.header,
        "build": {"srcDir": ".", "includeDir": ".", "srcFilter": [f"+<{name}>" for name in sources], "flags": ["-O2"]},
    }
    return {
        "library.json": json.dumps(manifest, indent=2) + "\n",
        "zephyr/module.yml": _MODULE.format(**known),
        "zephyr/Kconfig": _KCONFIG.format(
            **known, title=title, arena=compiled.arena_bytes, constants=compiled.constant_bytes
        ),
        "zephyr/CMakeLists.txt": _CMAKE.format(**known, sources="\n".join(f"    {name}" for name in sources)),
    }
