"""Files that make the directory of a compiled network a library for Zephyr and for PlatformIO.

For CMake, `package` writes its CMakeLists.txt.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from micronets.compiler.generate import package
from micronets.compiler.generate.model_c import Compiled
from micronets.compiler.kernel_files import is_source

EXAMPLE = "example.c"  # a separate program, not part of the library

_MODULE = """\
# Describes this module to Zephyr's build system.
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
\t  Memory: an arena of {arena} bytes, which the caller provides.
\t  Constants: {constants} bytes.
"""

_CMAKE = """\
# Zephyr reads this file for the module; elsewhere, use CMakeLists.txt in the parent directory.
if(CONFIG_{library_upper})
  zephyr_library()
  # Kernels that another network's module already builds are not built twice.
  foreach(source IN ITEMS
{sources}
  )
    get_property(built GLOBAL PROPERTY MICRONETS_BUILT)
    if(NOT source IN_LIST built)
      zephyr_library_sources(../${{source}})
      set_property(GLOBAL APPEND PROPERTY MICRONETS_BUILT ${{source}})
    endif()
  endforeach()
  zephyr_library_compile_options(-O2) # even if the application is built for size
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
