"""Front ends of pictures in integers: what a frame costs on a Cortex-M4, and how near pixels are to those in floats.

    python -m benchmarks.picture_front_ends

Frames are smooth noise; the cost is simulated without wait states.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np

from benchmarks.tables import replace_section
from micronets.boards.board import load_board
from micronets.compiler.generate.image_c import image_files
from micronets.compiler.generate.names import Names
from micronets.frontend.camera import Camera
from micronets.frontend.frames import camera_codes, camera_pixels, camera_tables, decoded
from micronets.frontend.image import ImageFrontEnd, resize_matrix
from micronets.quantized.model import TensorQuant
from tests.support.front_end_firmware import simulated
from tests.support.pictures import CALL, work_bytes

CASES = (
    ("160x120:rgb565", ImageFrontEnd(resolution=96, fit="crop", filter="bilinear")),
    ("160x120:rgb565", ImageFrontEnd(resolution=96, fit="crop")),
    ("160x120:yuv422", ImageFrontEnd(resolution=96, fit="crop", colour=1, filter="bilinear")),
    ("160x120:gray", ImageFrontEnd(resolution=48, fit="letterbox", colour=1, filter="box")),
    ("320x240:rgb565", ImageFrontEnd(resolution=96, fit="crop", filter="bilinear")),
    ("32x32:rgb888", ImageFrontEnd()),
)
QUANT = TensorQuant(1 / 128, 0)


def rows() -> list[str]:
    """Returns the table, a line for each row."""
    board, rng = load_board("NUCLEO-F446RE"), np.random.default_rng(0)
    lines = [
        "| camera | input | fit, filter | cycles | ms at 180 MHz | work, B | flash, B | pixels equal | one off |",
        "|---|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for text, fe in CASES:
        camera = Camera.parse(text)
        shape = (2, camera.height, camera.row_bytes)
        coarse = rng.integers(0, 256, (2, camera.height // 4 + 1, camera.row_bytes // 4 + 1)).astype(float)
        x = coarse.repeat(4, 1).repeat(4, 2)[:, : shape[1], : shape[2]].astype(np.uint8)
        files = image_files(fe, camera, QUANT, Names())
        want = camera_codes(x, camera, fe, QUANT.scale, QUANT.zero_point)
        run = simulated(files, CALL, x, want[0].size, board, work_bytes(files))
        assert np.array_equal(run.outputs, want.reshape(2, -1)), text
        assert run.core_cycles is not None
        t = camera_tables(camera, fe, QUANT.scale, QUANT.zero_point)
        part = decoded(x, camera, fe.colour)[:, t.top : t.top + t.rows, t.left : t.left + t.columns].astype(float)
        across, down = resize_matrix(t.columns, t.width, fe.filter), resize_matrix(t.rows, t.height, fe.filter)
        real = np.clip(np.rint(np.einsum("oy,nyxc,px->nopc", down, part, across)), 0, 255)
        got = camera_pixels(x, camera, fe, t)[:, t.to_top : t.to_top + t.height, t.to_left : t.to_left + t.width]
        off = np.abs(got - real)
        side = "x".join(map(str, fe.input_shape))
        lines.append(
            f"| {text} | {side} | {fe.fit}, {fe.filter} | {run.core_cycles:,} | {run.core_cycles / 180e3:.1f} |"
            f" {work_bytes(files):,} | {run.image.flash_bytes:,} | {100 * (off == 0).mean():.2f} % |"
            f" {100 * (off <= 1).mean():.2f} % |"
        )
    return lines


def main() -> None:
    """Writes the table into docs/front-ends.md."""
    told = (
        f"Flash is that of the whole firmware. {date.today().isoformat()}, `python -m benchmarks.picture_front_ends`."
    )
    replace_section(Path("docs/front-ends.md"), "pictures", "\n".join([*rows(), "", told]))


if __name__ == "__main__":
    main()
