"""Float networks: shapes, TensorFlow's padding against a plain loop, and that the quick paths change nothing."""

import numpy as np
import pytest

from tests.support.needs import needs

torch = needs("torch", "design")
from torch.nn import functional as F

from micronets.design import torch_ops
from micronets.design.net import Net, load_float
from micronets.errors import SpecError, UnsupportedError
from micronets.ir import layers
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT
from micronets.ir.window import Window


def plain_conv(x, w, stride, dilation, padding, groups):
    """Computes a convolution as it is defined: `[N, H', W', K]` of x `[N, H, W, C]` and w `[K, C / groups, kh, kw]`."""
    n, h, wd = x.shape[:3]
    k, cg, kh, kw = w.shape
    out = []
    for size, taps, s, d in ((h, kh, stride[0], dilation[0]), (wd, kw, stride[1], dilation[1])):
        reach = (taps - 1) * d + 1
        positions = -(-size // s) if padding == "same" else (size - reach) // s + 1
        before = max((positions - 1) * s + reach - size, 0) // 2 if padding == "same" else 0
        out.append((positions, before))
    y = np.zeros((n, out[0][0], out[1][0], k))
    for i in range(out[0][0]):
        for j in range(out[1][0]):
            for a in range(kh):
                for b in range(kw):
                    r, q = i * stride[0] + a * dilation[0] - out[0][1], j * stride[1] + b * dilation[1] - out[1][1]
                    if 0 <= r < h and 0 <= q < wd:
                        for f in range(k):
                            g = f // (k // groups)
                            y[:, i, j, f] += x[:, r, q, g * cg : (g + 1) * cg] @ w[f, :, a, b]
    return y


CASES = [
    # H, W, kernel, stride, dilation
    (7, 5, (3, 3), (1, 1), (1, 1)),
    (8, 5, (3, 3), (2, 2), (1, 1)),
    (9, 6, (4, 2), (2, 1), (1, 1)),
    (11, 1, (3, 1), (1, 1), (4, 1)),
    (12, 1, (5, 1), (1, 1), (3, 1)),
    (13, 3, (3, 1), (1, 1), (2, 1)),
    (11, 3, (4, 1), (1, 1), (2, 1)),
    (11, 1, (5, 1), (2, 1), (1, 1)),
    (10, 4, (1, 1), (2, 2), (1, 1)),
    (9, 9, (3, 3), (1, 1), (2, 2)),
]


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("groups", [1, 4])
@pytest.mark.parametrize(("h", "w", "kernel", "stride", "dilation"), CASES)
def test_conv_is_tensorflows(h, w, kernel, stride, dilation, groups, padding):
    if padding == "valid" and (h <= (kernel[0] - 1) * dilation[0] or w <= (kernel[1] - 1) * dilation[1]):
        pytest.skip("the kernel does not fit")
    rng = np.random.default_rng(0)
    x, weight = rng.normal(size=(2, h, w, 4)), rng.normal(size=(8, 4 // groups, *kernel))
    window = Window(kernel, stride, dilation, padding)
    y = torch_ops.conv(torch_ops.to_nchw(torch.from_numpy(x)), torch.from_numpy(weight), None, window, groups)
    np.testing.assert_allclose(
        torch_ops.to_nhwc(y).numpy(), plain_conv(x, weight, stride, dilation, padding, groups), atol=1e-9
    )


@pytest.mark.parametrize("width", [1, 5])
def test_strided_depthwise_agrees_under_bf16(width):
    torch.manual_seed(0)
    x, w = torch.randn(2, 8, 11, width), torch.randn(8, 1, 3, min(width, 3))
    window = Window((3, min(width, 3)), stride=(2, min(width, 2)), padding="same")
    want = torch_ops.conv(x, w, None, window, groups=8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = torch_ops.conv(x, w, None, window, groups=8)
    assert got.dtype == torch.bfloat16
    torch.testing.assert_close(got.float(), want, atol=0.05, rtol=0.02)


WIDE_KERNELS = [
    # channels in, filters, height, width, kernel: 32 values and their multiples along a row of a kernel
    (8, 44, 9, 20, (1, 20)),
    (8, 12, 9, 20, (3, 8)),
    (4, 12, 9, 20, (1, 16)),
    (12, 12, 3, 9, (1, 8)),
    (2, 5, 4, 33, (1, 32)),
]


@pytest.mark.parametrize("batch", [1, 3, 32])
@pytest.mark.parametrize(("channels", "filters", "h", "w", "kernel"), WIDE_KERNELS)
def test_wide_kernels_agree_under_bf16(batch, channels, filters, h, w, kernel):
    """A CPU with AMX computes these wrongly in oneDNN 3.12: torch's own convolution is far off."""
    torch.manual_seed(0)
    x, weight = torch_ops.to_nchw(torch.randn(batch, h, w, channels)), torch.randn(filters, channels, *kernel)
    window = Window(kernel, padding="valid")
    want = torch_ops.conv(x, weight, None, window)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = torch_ops.conv(x, weight, None, window)
    assert got.dtype == torch.bfloat16
    assert (got.float() - want).norm() < 0.01 * want.norm()


@pytest.fixture
def faulty_bf16(monkeypatch):
    """Makes torch's convolution in bf16 leave out the last input channel, as on a CPU that computes it wrongly."""
    right = F.conv2d
    calls = []

    def conv2d(x, weight, bias=None, *rest):
        calls.append(x.dtype)
        wrong = x.dtype == torch.bfloat16 or torch.is_autocast_enabled("cpu")
        mask = torch.ones(weight.shape[1], 1, 1, dtype=weight.dtype)
        mask[-1] = 0 if wrong else 1
        return right(x, weight * mask, bias, *rest)

    torch_ops._agrees_with_float32.cache_clear()
    monkeypatch.setattr(torch_ops.F, "conv2d", conv2d)
    yield calls
    torch_ops._agrees_with_float32.cache_clear()


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize(
    ("kernel", "stride", "dilation"),
    [((3, 3), (1, 1), (1, 1)), ((1, 1), (2, 2), (1, 1)), ((3, 1), (1, 1), (2, 1)), ((4, 2), (2, 1), (1, 1))],
)
def test_a_convolution_that_is_wrong_in_bf16_is_computed_in_float32(faulty_bf16, kernel, stride, dilation, biased):
    torch.manual_seed(0)
    x, weight = torch_ops.to_nchw(torch.randn(2, 9, 6, 4)), torch.randn(8, 4, *kernel, requires_grad=True)
    bias = torch.randn(8) if biased else None
    window = Window(kernel, stride, dilation, "same")
    before = torch.random.get_rng_state()
    want = torch_ops.conv(x, weight, bias, window)
    (want_gradient,) = torch.autograd.grad(want.square().sum(), weight)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = torch_ops.conv(x, weight, bias, window)
        checks = len(faulty_bf16)
        torch_ops.conv(x, weight, bias, window)
    (gradient,) = torch.autograd.grad(got.float().square().sum(), weight)
    assert got.dtype == torch.bfloat16
    assert (got.float() - want).norm() < 0.01 * want.norm()
    assert (gradient - want_gradient).norm() < 0.01 * want_gradient.norm()
    assert len(faulty_bf16) == checks + 1, "the check is done once for these shapes"
    assert torch.equal(torch.random.get_rng_state(), before), "the check draws from a generator of its own"


def test_gradients_that_are_wrong_in_bf16_count_as_wrong(monkeypatch):
    class Faulty(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            return g * (0 if g.dtype == torch.bfloat16 else 1)

    right = F.conv2d
    torch_ops._agrees_with_float32.cache_clear()
    arguments = (torch.bfloat16, (2, 4, 5, 5), (8, 4, 3, 3), False, (1, 1), (1, 1), (1, 1), 1)
    assert torch_ops._agrees_with_float32(*arguments)
    torch_ops._agrees_with_float32.cache_clear()
    monkeypatch.setattr(torch_ops.F, "conv2d", lambda x, w, *rest: right(x, Faulty.apply(w), *rest))
    assert not torch_ops._agrees_with_float32(*arguments)
    torch_ops._agrees_with_float32.cache_clear()


def every_kind() -> Arch:
    return Arch(
        (12, 6, 2),
        (
            layers.Pad(name="pad", inputs=(INPUT,), paddings=((1, 0), (0, 1), (0, 0))),
            layers.Conv2D(name="a", inputs=("pad",), filters=8, kernel=(3, 3), stride=(2, 1), activation="relu"),
            layers.DepthwiseConv2D(name="b", inputs=("a",), kernel=(3, 3), multiplier=2, activation="relu6"),
            layers.Conv2D(name="c", inputs=("b",), filters=8, kernel=(1, 1)),
            layers.Add(name="d", inputs=("c", "a"), activation="relu"),
            layers.MaxPool2D(name="e", inputs=("d",), pool=(2, 2), stride=(2, 2), padding="same"),
            layers.AveragePool2D(name="f", inputs=("e",), pool=(3, 3), stride=(1, 1), padding="same"),
            layers.Reshape(name="g", inputs=("f",), shape=(8, 4, 4)),
            layers.Relu(name="h", inputs=("g",), six=True),
            layers.Mean(name="i", inputs=("h",), keep_dims=True),
            layers.FullyConnected(name="j", inputs=("i",), units=5),
            layers.Softmax(name="k", inputs=("j",)),
        ),
    )


def test_every_tensor_has_the_shape_of_the_arch():
    arch = every_kind()
    net = Net(arch).eval()
    values = net.tensors(torch.randn(3, 12, 6, 2))
    shapes = arch.shapes()
    for name, value in values.items():
        nhwc = torch_ops.to_nhwc(value) if value.ndim == 4 else value
        assert tuple(nhwc.shape) == (3, *shapes[name]), name
    assert net(torch.randn(3, 12, 6, 2)).shape == (3, 5)
    assert "k" not in values


def test_average_pool_does_not_count_padding_and_reshape_is_nhwc():
    arch = Arch(
        (3, 3, 2),
        (
            layers.AveragePool2D(name="p", inputs=(INPUT,), pool=(2, 2), stride=(2, 2), padding="same"),
            layers.Reshape(name="r", inputs=("p",), shape=(8,)),
        ),
    )
    x = torch.arange(18.0).reshape(1, 3, 3, 2)
    got = Net(arch)(x)[0]
    want = torch.stack([x[0, :2, :2].mean((0, 1)), x[0, :2, 2].mean(0), x[0, 2, :2].mean(0), x[0, 2, 2]]).flatten()
    torch.testing.assert_close(got, want)


def test_max_pool_with_padding_keeps_negative_maxima():
    arch = Arch((3, 1, 1), (layers.MaxPool2D(name="p", inputs=(INPUT,), pool=(2, 1), stride=(2, 1), padding="same"),))
    assert Net(arch)(torch.tensor([-3.0, -2.0, -1.0]).reshape(1, 3, 1, 1)).tolist() == [[-2.0, -1.0]]


def test_fully_connected_reads_nhwc_order():
    arch = Arch((2, 2, 3), (layers.FullyConnected(name="fc", inputs=(INPUT,), units=4),))
    net = Net(arch)
    x = torch.randn(5, 2, 2, 3)
    torch.testing.assert_close(net(x), F.linear(x.flatten(1), net.layers["fc"].weight, net.layers["fc"].bias))


def test_state_dict_names_and_loading():
    arch = every_kind()
    net, other = Net(arch), Net(arch)
    names = set(net.state_dict())
    assert {"layers.a.weight", "layers.a.bn.weight", "layers.a.bn.running_var", "layers.j.bias"} <= names
    load_float(other, net.state_dict())
    x = torch.randn(2, 12, 6, 2)
    torch.testing.assert_close(other.eval()(x), net.eval()(x))
    bad = dict(net.state_dict())
    bad["layers.a.weight"] = bad["layers.a.weight"][:4]
    with pytest.raises(
        SpecError, match=r"'layers.a.weight' has shape \(4, 2, 3, 3\), the network needs \(8, 2, 3, 3\)"
    ):
        load_float(other, bad)
    del bad["layers.j.bias"], bad["layers.a.weight"]
    with pytest.raises(SpecError, match="missing"):
        load_float(other, bad)


def test_softmax_in_the_middle_is_refused():
    stack = (layers.Softmax(name="s", inputs=(INPUT,)), layers.FullyConnected(name="fc", inputs=("s",), units=2))
    with pytest.raises(UnsupportedError, match="layer 's': Softmax"):
        Net(Arch((4,), stack))
