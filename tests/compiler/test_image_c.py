"""The front end of pictures in integers: near the one in floats, and the same bytes in C on every core."""

import ctypes
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from micronets.boards.board import load_board
from micronets.compiler import compile_model
from micronets.compiler.generate.image_c import image_files
from micronets.compiler.generate.names import Names
from micronets.device.host_compiler import compile_c
from micronets.errors import SpecError
from micronets.frontend.camera import Camera
from micronets.frontend.frames import camera_codes, camera_pixels, camera_tables, decoded, taps
from micronets.frontend.image import FILTERS, ImageFrontEnd, resize_matrix
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, FullyConnected, Mean
from micronets.quantized.model import QuantizedModel, TensorQuant
from micronets.quantized.random_weights import with_random_weights
from micronets.runtimes import OUR_C, TFLM
from micronets.tflite import as_file
from tests.support.front_end_firmware import simulated
from tests.support.pictures import CALL, work_bytes

QUANT = TensorQuant(1 / 128, 3)
CASES = {
    f"{pixels} {fit} {name} {colour}": (
        Camera(*size, pixels),
        ImageFrontEnd(resolution=side, colour=colour, fit=fit, filter=name),
    )
    for pixels, fit, name, colour, size, side in (
        ("rgb888", "stretch", "bicubic", 3, (40, 30), 16),
        ("rgb888", "letterbox", "bilinear", 1, (33, 50), 20),
        ("rgb565", "crop", "bilinear", 3, (40, 30), 12),
        ("rgb565le", "letterbox", "lanczos", 3, (46, 21), 19),
        ("yuv422", "crop", "box", 3, (42, 28), 14),
        ("yuv422", "stretch", "lanczos", 1, (42, 28), 10),
        ("gray", "crop", "bicubic", 1, (24, 37), 24),
        ("gray", "stretch", "bilinear", 3, (20, 20), 31),  # larger than the frame
    )
}


def frames(camera: Camera, seed: int = 0) -> np.ndarray:
    """Returns frames of every extreme and of noise, smooth and not, bytes `[N, height, row_bytes]`."""
    rng = np.random.default_rng(seed)
    shape = (camera.height, camera.row_bytes)
    ramp = np.linspace(0, 255, camera.row_bytes)[None] * np.linspace(0.2, 1, camera.height)[:, None]
    rows = [np.zeros(shape), np.full(shape, 255), ramp, rng.integers(0, 256, shape), 255 * rng.integers(0, 2, shape)]
    return np.stack(rows).astype(np.uint8)


@pytest.mark.parametrize("name", CASES)
def test_pixels_are_near_those_of_floats(name: str) -> None:
    camera, fe = CASES[name]
    x = frames(camera)
    t = camera_tables(camera, fe, QUANT.scale, QUANT.zero_point)
    colours = decoded(x, camera, fe.colour).astype(np.float64)
    part = colours[:, t.top : t.top + t.rows, t.left : t.left + t.columns]
    across, down = resize_matrix(t.columns, t.width, fe.filter), resize_matrix(t.rows, t.height, fe.filter)
    want = np.clip(np.rint(np.einsum("oy,nyxc,px->nopc", down, part, across)), 0, 255)
    got = camera_pixels(x, camera, fe, t)[:, t.to_top : t.to_top + t.height, t.to_left : t.to_left + t.width]
    assert np.abs(got - want).max() <= 1
    assert (got == want).mean() > 0.9  # means of four pixels are often halfway, where floats round to even
    assert (camera_pixels(x[:1], camera, fe, t) == 0).all() or camera.pixels == "yuv422"
    assert camera_codes(x, camera, fe, QUANT.scale, QUANT.zero_point).shape == (5, *fe.input_shape)


def test_a_letterbox_is_black_around_the_picture() -> None:
    camera, fe = Camera(40, 20, "gray"), ImageFrontEnd(resolution=16, colour=1, fit="letterbox")
    t = camera_tables(camera, fe, QUANT.scale, QUANT.zero_point)
    assert (t.to_left, t.to_top, t.width, t.height) == (0, 4, 16, 8)
    found = camera_pixels(np.full((1, 20, 40), 200, np.uint8), camera, fe, t)[0, ..., 0]
    assert (found[:4] == 0).all()
    assert (found[4:12] == 200).all()
    assert (found[12:] == 0).all()


def test_colours_by_hand() -> None:
    red = np.array([[[0xF8, 0x00]]], np.uint8)
    assert decoded(red, Camera(1, 1, "rgb565"), 3).tolist() == [[[[255, 0, 0]]]]
    assert decoded(red[..., ::-1], Camera(1, 1, "rgb565le"), 3).tolist() == [[[[255, 0, 0]]]]
    assert decoded(np.array([[[100, 128, 50, 128]]], np.uint8), Camera(2, 1, "yuv422"), 3).tolist() == [
        [[[100, 100, 100], [50, 50, 50]]]
    ]
    # JPEG's red is Y 76, U 85, V 255.
    jpeg = decoded(np.array([[[76, 85, 76, 255]]], np.uint8), Camera(2, 1, "yuv422"), 3)
    assert jpeg[0, 0].tolist() == [[254, 0, 0]] * 2
    assert decoded(np.array([[[255, 0, 0]]], np.uint8), Camera(1, 1, "rgb888"), 1).tolist() == [[[[77]]]]


@pytest.mark.parametrize(("before", "after", "name"), [*product((7, 30, 96), (5, 30, 64), FILTERS)])
def test_weights_sum_to_one(before: int, after: int, name: str) -> None:
    found = taps(before, after, name)
    assert (found.weights.sum(1) == 1 << 14).all()
    assert (np.diff(found.start) >= 0).all()
    assert found.start.min() >= 0
    assert found.start.max() + found.weights.shape[1] <= before


@pytest.mark.parametrize("flags", [("-O2",), ("-O1", "-fsanitize=undefined", "-fno-sanitize-recover=all")], ids=str)
def test_c_computes_every_code(flags: tuple[str, ...], tmp_path: Path) -> None:
    for number, (camera, fe) in enumerate(CASES.values()):
        folder = tmp_path / str(number)
        folder.mkdir()
        files = image_files(fe, camera, QUANT, Names())
        for file, text in files.items():
            (folder / file).write_text(text)
        library = folder / "front_end.so"
        strict = ("-Wconversion", "-Wpedantic", "-Wshadow", "-Wcast-qual", "-shared", "-fPIC")
        compile_c([folder / file for file in files if file.endswith(".c")], library, [*flags, *strict])
        function = ctypes.CDLL(str(library)).micronets_model_frontend_picture
        x = frames(camera)
        want = camera_codes(x, camera, fe, QUANT.scale, QUANT.zero_point)
        work = np.full(work_bytes(files) + 8, 0x5A, np.uint8)
        for frame, codes in zip(x, want, strict=True):
            got = np.zeros(codes.shape, np.int8)
            function(*(ctypes.c_void_p(a.ctypes.data) for a in (np.ascontiguousarray(frame), work, got)))
            np.testing.assert_array_equal(got, codes)
        assert (work[-8:] == 0x5A).all()


@pytest.mark.parametrize(
    ("board", "name"),
    [
        ("NUCLEO-F446RE", "rgb565le letterbox lanczos 3"),
        ("NUCLEO-F746ZG", "yuv422 crop box 3"),
        ("NUCLEO-G0B1RE", "rgb565 crop bilinear 3"),
        ("ESP32-C3-DevKitM-1", "rgb888 stretch bicubic 3"),
    ],
)
def test_a_core_computes_every_code(board: str, name: str) -> None:
    camera, fe = CASES[name]
    x, files = frames(camera), image_files(fe, camera, QUANT, Names())
    want = camera_codes(x, camera, fe, QUANT.scale, QUANT.zero_point)
    found = simulated(files, CALL, x, want[0].size, load_board(board), work_bytes(files))
    np.testing.assert_array_equal(found.outputs, want.reshape(len(x), -1))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("160", "camera: '160' is not one; write width, height and pixels, such as 160x120:rgb565"),
        ("160x120:rgb56", "camera: unknown pixels 'rgb56'; "),
        ("0x120:gray", "camera: frames of 0 x 120; a side has 1 to 4096 pixels"),
        ("161x120:yuv422", "camera: frames 161 pixels wide; yuv422 has two at a time, so an even width"),
    ],
)
def test_a_camera_that_cannot_be(text: str, said: str) -> None:
    with pytest.raises(SpecError) as e:
        Camera.parse(text)
    assert str(e.value).startswith(said)
    assert Camera.parse("160x120:rgb565") == Camera(160, 120, "rgb565")
    assert replace(Camera.parse("8x8:gray"), width=9).row_bytes == 9


def model(fe: ImageFrontEnd) -> QuantizedModel:
    """Returns a random network of pictures with a front end in its metadata."""
    layers = (
        Mean(name="pool", inputs=(INPUT,)),
        FullyConnected(name="logits", inputs=("pool",), units=2, activation="none"),
    )
    made = with_random_weights(Arch(fe.input_shape, layers))
    return replace(made, metadata={"micronets.frontend": fe.to_json()})


def test_a_model_of_pictures_is_compiled_with_its_front_end() -> None:
    some = model(ImageFrontEnd(resolution=16, fit="crop"))
    compiled = compile_model(some, camera=Camera(40, 30, "rgb565"))
    assert {"model_frontend.h", "model_frontend.c", "micronets_image.c"} <= compiled.front_end
    assert "frontend_picture(frame, work, micronets_model_input(arena))" in compiled.files["model.h"]
    assert "micronets_image.c" in compiled.files["CMakeLists.txt"]
    want = image_files(ImageFrontEnd(resolution=16, fit="crop"), Camera(40, 30, "rgb565"), some.quant[INPUT], Names())
    assert compiled.files["model_frontend.c"] == want["model_frontend.c"]
    assert not compile_model(some).front_end


def test_a_camera_needs_a_model_of_pictures_and_our_c() -> None:
    some = model(ImageFrontEnd(resolution=16))
    sound = as_file(replace(some, metadata={}), "kws.tflite")
    board = load_board("NUCLEO-F446RE")
    with pytest.raises(SpecError) as e:
        OUR_C.compile(sound, board, camera="40x30:gray")
    assert str(e.value) == "camera: the model has no image front end that fits its input; leave the camera out"
    with pytest.raises(SpecError) as e:
        TFLM.compile(as_file(some, "a.tflite"), board, camera="40x30:gray")
    assert str(e.value) == "--camera 40x30:gray: is for --runtime c, which writes the front end; leave it out"
