import json

import numpy as np
import pytest

from micronets.errors import SpecError
from micronets.frontend.image import (
    FILTERS,
    PRESETS,
    ImageFrontEnd,
    gray,
    network_input,
    pixels,
    resize_matrix,
    resized,
)


def pictures(n: int, side: int, colour: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, side, side, colour), np.uint8)


def test_gray_is_the_luma_of_the_released_models() -> None:
    assert gray(np.array([[[100, 50, 200]]], np.uint8)).item() == pytest.approx(
        0.2989 * 100 + 0.587 * 50 + 0.114 * 200, abs=1e-4
    )
    assert pixels(np.array([[[[100, 50, 200]]]], np.uint8), ImageFrontEnd(resolution=1, colour=1)).item() == 82


def test_an_int8_input_of_scale_1_128_is_the_pixel_minus_128() -> None:
    x = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    q = np.rint(network_input(x, ImageFrontEnd(resolution=16, colour=1)) * 128).astype(np.int8)
    assert np.array_equal(q.ravel(), np.arange(-128, 128))


def test_resizing_by_hand() -> None:
    assert resize_matrix(4, 2, "box").tolist() == [[0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5]]
    # A triangle of radius 2 around 1.0: taps at 0.5, 1.5, 2.5 weigh 3/4, 3/4, 1/4.
    assert np.allclose(resize_matrix(4, 2, "bilinear")[0], np.array([0.75, 0.75, 0.25, 0]) / 1.75)
    for name in FILTERS:
        assert np.allclose(resize_matrix(7, 7, name), np.eye(7), atol=1e-6), name
        assert np.allclose(resize_matrix(160, 50, name).sum(1), 1, atol=1e-5), name


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("side", [20, 50, 96])
def test_resizing_is_pillows(name: str, side: int) -> None:
    image = pytest.importorskip("PIL.Image")
    x = pictures(2, 64) // 2 + 64  # nothing is cut off between the two axes
    kinds = {"box": "BOX", "bilinear": "BILINEAR", "bicubic": "BICUBIC", "lanczos": "LANCZOS"}
    theirs = [image.fromarray(v).resize((side, side), getattr(image.Resampling, kinds[name])) for v in x]
    ours = resized(x, side, name).astype(int)
    # Pillow rounds to whole pixels between them.
    assert np.abs(ours - np.stack([np.asarray(t) for t in theirs])).max() <= 1


def test_settings_change_the_shape_and_say_how_pictures_were_kept() -> None:
    fe = ImageFrontEnd(resolution=96)
    small = fe.with_settings({"resolution": 50, "colour": 1})
    assert (small.input_shape, small.via, small.stored) == ((50, 50, 1), 96, 96)
    assert fe.with_settings({}) == fe
    assert fe.with_settings({"resolution": 96}) == fe
    assert small.with_settings({"resolution": 96, "colour": 3}) == fe
    assert network_input(pictures(3, 96), small).shape == (3, 50, 50, 1)
    assert network_input(pictures(0, 96), small).shape == (0, 50, 50, 1)
    assert np.ptp(network_input(pictures(2, 8, 1), ImageFrontEnd(resolution=8, colour=3)), axis=3).max() == 0


def test_what_travels_as_json_comes_back() -> None:
    for fe in (*PRESETS.values(), ImageFrontEnd(via=160, fit="crop", filter="box")):
        assert ImageFrontEnd.from_json(fe.to_json()) == fe
    assert ImageFrontEnd.from_json("{}") == ImageFrontEnd()


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"colour": 2}, "colour = 2; allowed: 1 (gray) and 3 (R, G, B)"),
        ({"resolution": 0}, "resolution = 0; allowed: an integer from 1 to 1024"),
        ({"resolution": 32.0}, "resolution = 32.0; allowed: an integer from 1 to 1024"),
        ({"fit": "squash"}, "fit = 'squash'; allowed: stretch, crop, letterbox"),
        ({"filter": "sinc"}, "filter = 'sinc'; allowed: box, bilinear, bicubic, lanczos"),
        ({"input_scale": 0}, "input_scale = 0; allowed: a number above 0"),
        ({"input_mean": float("inf")}, "input_mean = inf; allowed: a finite number"),
        ({"kind": "logmel"}, "kind = 'logmel'; allowed: image"),
    ],
)
def test_what_is_wrong_is_said(fields: dict[str, object], text: str) -> None:
    with pytest.raises(SpecError) as e:
        ImageFrontEnd.from_json(json.dumps(fields), "a.json")
    assert str(e.value) == f"a.json: image front end: {text}"


@pytest.mark.parametrize(
    "text", ["", "[]", '{"width": 3}', '{"resolution": "a"}', '{"fit": []}', '{"input_mean": null}']
)
def test_json_that_is_no_front_end(text: str) -> None:
    with pytest.raises(SpecError):
        ImageFrontEnd.from_json(text)
