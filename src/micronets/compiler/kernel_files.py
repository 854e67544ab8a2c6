"""The C files of kernels: which a network needs, and what they contain.

The folders of csrc are `include` (headers), `plain` (portable C99), `dsp` (C and assembly for cores with the DSP
extension) and `mve` (C for cores with the vector extension); csrc/include/micronets_target.h says how one of them is
chosen when they are compiled. A kernel `micronets_NAME` is written in one or several of plain/micronets_NAME.c,
dsp/micronets_dsp_NAME.c or .S, and mve/micronets_mve_NAME.c. In a generated package all files lie in one folder.

A file says itself which others it needs, by lines that begin with `#include "NAME.h"` or `#include "NAME.inc"`, without
spaces in front of `#` or behind it. `_included` reads these lines; a file that is not there is a KeyError.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import assert_never

from micronets.boards.targets import DSP, KernelSet, Target

_FOLDERS = ("include", "plain", "dsp", "mve")
_SOURCE_ENDINGS = (".c", ".S")
_EXTENSIONS = ("micronets_dsp_", "micronets_mve_")  # what files for an extension of the instruction set begin with
# The order in which kernels lie in flash, assembly in front of the C that calls it. The order decides which loops share
# lines of a small instruction cache (a few cycles in a thousand), so it must not follow from the names of files.
_ORDER = """
add_by4 add row_linear average_pool patch_keep_rows im2col_multiply im2col_multiply_s4 conv_im2col conv conv_s4
odd_multiply conv_odd winograd_transform winograd_multiply conv_winograd conv_1x1 conv_1x1_odd conv_1x1_s4 conv_c4_edge
conv_c4_im2col conv_c4 conv_c4_odd conv_c4_s4 conv_any conv_wide depthwise depthwise_odd depthwise_s4 depthwise_by4
depthwise_by4_s4 depthwise_two_lines depthwise_two_lines_s1 depthwise_two_lines_s1_straight depthwise_two_lines_s2
depthwise_two_lines_s2_straight
dequantize im2col_pixel depthwise_by4_3x3 depthwise_by4_3x3_relu depthwise_by4_any fully_connected
fully_connected_by8_rows fully_connected_by8_rows_s4 fully_connected_by8 fully_connected_by8_s4 fully_connected_s4
fully_connected_odd lookup clamp_codes max_pool mean pad im2col_prepare quantize depthwise_3x3_s1 depthwise_3x3_s2
depthwise_3x3_s2_relu depthwise_3x3_s1_relu depthwise_any depthwise_s1 depthwise_s2 softmax softmax_by4
softmax_of_two unpack_s4
copy_rows dot_bytes conv_bytes dense_bytes dot_lanes conv_lanes dense_lanes depthwise_lanes depthwise_bytes_any
depthwise_bytes_3x3 depthwise_bytes concatenate split reduce_sum reduce_extreme copy_strided binary row_sub row_mul
row_minimum row_maximum row_squared_difference arg_extreme transpose_conv log_softmax batch_matmul take resize_bilinear
row_prelu dequantize_any quantize_s16 recode cast read_state assign_state dense_s16 svdf_s8 svdf_s16 softmax_s16 lstm_s8
conv_s16 depthwise_s16 binary_s16 row_add_s16 row_sub_s16 row_mul_s16 row_minimum_s16 row_maximum_s16
row_squared_difference_s16 row_prelu_s16 average_pool_s16 max_pool_s16 reduce_sum_s16 softmax_of_s16 sigmoid_s16
rectify_s16 clamp_s16
concatenate_constants exp binary_s32 binary_f32 function_f32 softmax_f32 transpose_conv_s16 reduce_f32 root unary_f32
over_root l2_normalization l2_normalization_f32 batch_matmul_s16 abs_s16 rsqrt_s16 arg_extreme_f32 compare
compare_numbers select gather copy_words cum_sum cum_sum_f32 add_n add_n_f32 update_box update_box_at pad_wide
average_map resize_bilinear_f32
signal_window signal_scale signal_rfft signal_energy signal_bands signal_roots signal_subtract signal_gain signal_log
"""
PLACEMENT = tuple(_ORDER.split())


def is_source(name: str) -> bool:
    """Returns whether a file is compiled by itself, as C (.c) and assembly (.S) are, and not included by others."""
    return name.endswith(_SOURCE_ENDINGS)


_TARGET_HEADER = "micronets_target.h"
_PORTABLE_ALONE = """\
/* The kernels for the DSP extension are not part of this package, which is for cores without it. */
#undef MICRONETS_DSP
#define MICRONETS_DSP 0

"""
_WITH_VECTORS = """\
/* The kernels for Arm's vector extension are part of this package. */
#define MICRONETS_MVE_PACKAGE 1

"""


def kernel_files(kernels: Iterable[str], headers: Iterable[str] = (), target: Target = DSP) -> dict[str, str]:
    """Returns the contents, by name, of every file that kernels consist of.

    - kernels: the functions, for instance `micronets_conv`.
    - headers: names of further headers that are needed.
    - target: the instruction set. Files of csrc/dsp are not for `PLAIN`, and those of csrc/mve are for `MVE` alone. For
      these two micronets_target.h begins with a line that says what is there, on whichever core it is built.

    The files are the sources of the kernels, the headers that these include, directly or not, and the sources of the
    functions that those declare: a header micronets_NAME.h belongs to the sources of micronets_NAME. Headers come
    first, then the sources in the order of `PLACEMENT`.
    """
    texts = _texts_for(target.kernels)
    found: dict[str, str] = {}
    todo = [*(name for kernel in kernels for name in _sources(kernel, texts)), *headers]
    while todo:
        name = todo.pop()
        if name not in found:
            found[name] = texts[name]
            included = _included(texts[name])
            todo += included
            headers_of = [header.removesuffix(".h") for header in included if header.endswith(".h")]
            todo += [source for function in headers_of for source in _sources(function, texts)]
    return dict(sorted(found.items(), key=lambda item: _place(item[0])))


def every_file() -> Mapping[str, str]:
    """Returns the contents, by name, of all files of kernels."""
    return _texts_for("mve")


def kernel_name(file: str) -> str:
    """Returns the name of the kernel in a file: `conv` for micronets_conv.c and for micronets_dsp_conv.S."""
    return file.partition(".")[0].removeprefix("micronets_").removeprefix("dsp_").removeprefix("mve_")


def _included(text: str) -> list[str]:
    """Returns the names of our own files that a file includes."""
    return re.findall(r'^#include "(\w+\.(?:h|inc))"', text, re.MULTILINE)


def _place(file: str) -> tuple[int, str]:
    """Returns the key by which files are sorted: headers by name, then sources in the order of `PLACEMENT`."""
    return (PLACEMENT.index(kernel_name(file)) if is_source(file) else -1, file)


def _sources(kernel: str, texts: Mapping[str, str]) -> list[str]:
    """Returns the names of those files of `texts` that define a function; none for an unknown function."""
    of_extensions = (
        kernel if kernel.startswith(prefix) else kernel.replace("micronets_", prefix, 1) for prefix in _EXTENSIONS
    )
    names = [f"{kernel}.c", *(f"{name}{ending}" for name in of_extensions for ending in _SOURCE_ENDINGS)]
    return [name for name in dict.fromkeys(names) if name in texts]


@lru_cache(maxsize=1)
def _texts() -> Mapping[str, str]:
    """Returns the contents of every file of csrc, by its name, which is unique."""
    root = files("micronets.compiler") / "csrc"
    paths = [path for folder in _FOLDERS for path in (root / folder).iterdir() if path.is_file()]
    return {path.name: path.read_text("utf-8") for path in paths}


@lru_cache(maxsize=3)
def _texts_for(kernels: KernelSet) -> Mapping[str, str]:
    """Returns the contents of the files for targets that take these kernels, by name."""
    left_out: tuple[str, ...]
    match kernels:
        case "dsp":
            head, left_out = "", _EXTENSIONS[1:]
        case "mve":
            head, left_out = _WITH_VECTORS, ()
        case "plain":
            head, left_out = _PORTABLE_ALONE, _EXTENSIONS
        case _:
            assert_never(kernels)
    texts = {name: text for name, text in _texts().items() if not name.startswith(left_out)}
    return {**texts, _TARGET_HEADER: head + texts[_TARGET_HEADER]}
