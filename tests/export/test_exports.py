"""Models in other programs: the same numbers from the same images, and what has no counterpart."""

import os

import numpy as np
import pytest
from helpers import assert_same, each_dtype, normal, refused

import scratchvae
from scratchvae.export import pytorch_source
from scratchvae.export.translation import translated
from scratchvae.layers import (
    ELU,
    AveragePool2D,
    BatchNorm,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Dropout,
    Flatten,
    Layer,
    LayerNorm,
    LogSoftplus,
    MaskedDense,
    MaxPool2D,
    ReLU,
    Reshape,
    Sequential,
    Sigmoid,
    Softplus,
    Tanh,
)
from scratchvae.models import VAE, Autoencoder
from scratchvae.probability import BernoulliLikelihood, GaussianLikelihood
from scratchvae.training.archive import read_archive

RECIPES = ["zhao-mlp", "zhao-cnn", "fleuret-conv", "kingma-welling", "conditional-vae"]
RECIPES += ["iwae", "learned-variance", "linear-autoencoder", "denoising-autoencoder"]


def stirred(model):
    """Return the model with all that it has learned and kept moved from where it begins."""
    rng = np.random.default_rng(7)
    for name, array in model._arrays().items():
        if name.endswith(("scale", "running_variance")):
            array[...] = rng.uniform(0.5, 1.5, array.shape)
        elif not name.endswith("weight"):
            array += (0.1 * rng.standard_normal(array.shape)).astype(array.dtype)
    return model


def assert_close(found, expected):
    """Expect the same numbers, but for rounding of the largest."""
    assert found.dtype == expected.dtype
    # Float32 has seven digits, and sums of hundreds of terms lose one.
    tolerance = 1e-12 if expected.dtype == np.float64 else 2e-6
    largest = max(1, np.abs(expected).max())
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * largest)


def colourful(dtype=np.float32):
    """Return a VAE of colour images, with dense layers beside images of many pixels."""
    like = {"dtype": dtype}
    rng = {"rng": np.random.default_rng(3), **like}
    encoder = Sequential(
        Conv2D(3, 4, 3, padding="same", **rng),
        LayerNorm((6, 8, 4), **like),
        ReLU(),
        MaxPool2D(2, 1),
        Sequential(Conv2D(4, 5, 3, 2, padding="same", **rng), BatchNorm(5, **like), ELU(0.7)),
        AveragePool2D(2),
        Flatten(),
        BatchNorm(10, **like),
        Dropout(0.3, **rng),
        LayerNorm(10, **like),
        Dense(10, 6, **rng),
        Softplus(),
        MaskedDense(np.tri(6, 6), **rng),
    )
    decoder = Sequential(
        Dense(3, 24, **rng),
        BatchNorm(24, **like),
        Tanh(),
        Reshape((2, 3, 4)),
        ConvTranspose2D(4, 3, 3, 3, output_size=(6, 10), **rng),
        Conv2D(3, 2, 3, 1, padding=1, **rng),
        Flatten(),
        Dense(120, 144, **rng),
        Sigmoid(),
        Reshape((6, 8, 3)),
    )
    shapes = {"image_shape": (6, 8, 3), "latent_dim": 3}
    return VAE(encoder, decoder, GaussianLikelihood(), variance_head=LogSoftplus(), **shapes)


MODELS = {
    name: lambda dtype=np.float32, name=name: scratchvae.build(name, seed=1, dtype=dtype)
    for name in RECIPES
}
MODELS["colourful"] = colourful
each_model = pytest.mark.parametrize("name", MODELS)


def passes(model):
    """Return what goes into encoder and decoder, what comes out, and q(z | x)."""
    rng, count = np.random.default_rng(2), 4
    x = rng.random((count, *model.image_shape)).astype(model.dtype)
    z = normal(count, model.latent_dim, dtype=model.dtype)
    condition = {"labels": np.arange(count)} if model.classes else {}
    distribution = model.encode_distribution(x, **condition)
    if model.classes:
        one_hot = np.eye(model.classes, dtype=model.dtype)[:count]
        x = np.concatenate([x.reshape(count, -1), one_hot], axis=1)
        z_in = np.concatenate([z, one_hot], axis=1)
    else:
        x, z_in = x.transpose(0, 3, 1, 2), z
    decoded = model.decode_parameters(z, **condition).transpose(0, 3, 1, 2)
    return x, z_in, distribution, decoded


def torch_networks(model, state):
    """Return the PyTorch networks that the text says, with a state in them."""
    names = {}
    exec(pytorch_source(model), names)
    networks = names["networks"]
    networks.double() if model.dtype == np.float64 else networks.float()
    networks.load_state_dict(state)
    return networks.eval()


@pytest.mark.parametrize("kind", ["torch", "safetensors"])
@each_dtype
@each_model
def test_pytorch_gives_the_same_numbers(name, kind, dtype, tmp_path):
    torch = pytest.importorskip("torch")
    model, path = stirred(MODELS[name](dtype)), tmp_path / "model"
    assert model.export(kind, path) == [path]
    if kind == "torch":
        state = torch.load(path, weights_only=True)
    else:
        state = pytest.importorskip("safetensors.torch").load_file(path)
    networks = torch_networks(model, state)
    x, z, distribution, decoded = passes(model)
    with torch.no_grad():
        found = networks["encoder"](torch.tensor(np.ascontiguousarray(x))).numpy()
        images = networks["decoder"](torch.tensor(z)).numpy()
    assert_close(found[:, : model.latent_dim], distribution[0])
    assert_close(images, decoded)


@each_model
def test_an_onnx_runtime_gives_the_same_numbers(name, tmp_path):
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    model = stirred(MODELS[name]())
    files = model.export("onnx", tmp_path / "model.onnx")
    assert [file.name for file in files] == ["model-encoder.onnx", "model-decoder.onnx"]
    x, z, (mean, log_variance), decoded = passes(model)
    encoder, decoder = (runtime.InferenceSession(os.fspath(file)) for file in files)
    given = encoder.get_inputs()[0].name
    found = dict(
        zip(
            [output.name for output in encoder.get_outputs()],
            encoder.run(None, {given: np.ascontiguousarray(x)}),
            strict=True,
        )
    )
    (images,) = decoder.run(None, {decoder.get_inputs()[0].name: z})
    assert_close(found["mean" if isinstance(model, VAE) else "latents"], mean)
    if isinstance(model, VAE):
        assert_close(found["log_variance"], log_variance)
    assert_close(images, decoded)


@pytest.mark.parametrize("name", ["zhao-mlp", "vq-vae", "hierarchical-vae", "diffusion"])
def test_numpy_has_the_arrays_of_any_model(name, tmp_path):
    model = scratchvae.build(name, seed=1)
    model.export("numpy", tmp_path / "model.npz")
    with np.load(tmp_path / "model.npz") as arrays:
        assert_same(dict(arrays), model.state())
    with open(tmp_path / "model.npz", "rb") as file:
        assert read_archive(file).keys() == model.state().keys()


def test_names_and_axes_are_pytorchs(tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    model = scratchvae.build("zhao-cnn", seed=1)
    model.export("safetensors", tmp_path / "model")
    state = safetensors.load_file(tmp_path / "model")
    shapes = {name: array.shape for name, array in state.items() if name.startswith("encoder.")}
    assert shapes["encoder.0.weight"] == (32, 1, 3, 3)
    assert shapes["encoder.10.weight"] == (4, 512)
    assert shapes["encoder.1.running_var"] == (32,)
    assert "encoder.1.num_batches_tracked" in shapes
    assert state["decoder.2.weight"].shape == (32, 64, 3, 3)


def test_the_text_of_the_networks_can_be_read():
    text = pytorch_source(scratchvae.build("zhao-mlp", seed=0))
    assert text.startswith("from torch import nn\n")
    assert (
        'networks["encoder"] = nn.Sequential(\n    nn.Flatten(),\n    nn.Linear(784, 300),' in text
    )
    assert "    nn.Sigmoid(),\n    nn.Unflatten(1, (1, 28, 28)),\n)\n" in text


def test_an_export_leaves_the_model_as_it_is(tmp_path):
    pytest.importorskip("safetensors")
    model = colourful()
    x = normal(2, 6, 8, 3, dtype=np.float32)
    terms = model.forward(x, normal(1, 2, 3, dtype=np.float32), training=True)
    before = model.state()
    model.export("safetensors", tmp_path / "model")
    model.backward()  # of the pass before
    assert np.isfinite(terms.loss)
    assert_same(model.state(), before)


class Shifted(Layer):
    def forward(self, x, training=False):
        return x + 1


def of(*layers):
    return translated(Sequential(*layers), (4, 3, 2), "encoder")


def test_what_has_no_counterpart_is_refused():
    same = "has no counterpart"
    with refused("encoder.0, Shifted() on examples of shape (4, 3, 2)", same, "numpy"):
        of(Shifted())
    with refused("encoder.0", same):
        of(LayerNorm(2))
    with refused("encoder.0", same):
        of(Reshape((2, 6, 2)))
    with refused("encoder ends with the numbers of an image", "end it with a Dense layer"):
        of(Conv2D(2, 2, 1, rng=0), Flatten(), Tanh())
    with refused("encoder.1 makes an image, channels last, of numbers that no Dense layer gives"):
        of(Flatten(), Reshape((4, 2, 3)))
    of(Flatten(), Reshape((4, 3, 2)))  # the order that they have


def test_what_pytorch_has_not_is_refused(tmp_path):
    pytest.importorskip("torch")
    path = tmp_path / "model"
    for name in ("vq-vae", "hierarchical-vae", "diffusion"):
        for kind in ("torch", "safetensors", "onnx"):
            with refused("is not an encoder of images and a decoder of latents", "numpy"):
                scratchvae.build(name, seed=0).export(kind, path)
    encoder = Sequential(Conv2D(1, 2, 3, 2, "same", rng=0), Flatten(), Dense(8, 2, rng=0))
    decoder = Sequential(Dense(2, 16, rng=0), LogSoftplus(), Reshape((4, 4, 1)))
    shapes = {"image_shape": (4, 4, 1), "latent_dim": 2}
    model = Autoencoder(encoder, decoder, BernoulliLikelihood(), **shapes)
    with refused("has other zeros on one side than on the other", "onnx"):
        model.export("torch", path)
    model.encoder.layers[0].padding = 1
    with refused("decoder.1, a LogSoftplus"):
        model.export("torch", path)
    assert os.listdir(tmp_path) == []


def test_a_kind_that_does_not_exist_or_is_not_installed_is_refused(tmp_path, monkeypatch):
    model = scratchvae.build("zhao-mlp", seed=0)
    for wrong in ("pytorch", "", None, 3):
        with refused("kind must be one of numpy, torch, safetensors, onnx"):
            model.export(wrong, tmp_path / "model")
    with refused("a path must be text"):
        model.export("numpy", None)
    for kind, module in (
        ("torch", "torch"),
        ("onnx", "onnx"),
        ("safetensors", "safetensors.numpy"),
    ):
        monkeypatch.setitem(__import__("sys").modules, module, None)
        with refused(f"needs {kind}, which is not installed", "pip install"):
            model.export(kind, tmp_path / "model")
    with refused("is a folder"):
        model.export("numpy", tmp_path)
    assert os.listdir(tmp_path) == []


def test_onnx_has_zeros_that_differ_from_side_to_side(tmp_path):
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    encoder = Sequential(Conv2D(1, 2, 3, 2, "same", rng=0), Flatten(), Dense(8, 2, rng=0))
    decoder = Sequential(Dense(2, 16, rng=0), LogSoftplus(), Reshape((4, 4, 1)))
    shapes = {"image_shape": (4, 4, 1), "latent_dim": 2}
    model = Autoencoder(encoder, decoder, BernoulliLikelihood(), **shapes)
    files = model.export("onnx", tmp_path / "model")
    x, z, (mean, _), decoded = passes(model)
    for file, given, expected in zip(files, (x, z), (mean, decoded), strict=True):
        session = runtime.InferenceSession(os.fspath(file))
        (found,) = session.run(None, {session.get_inputs()[0].name: np.ascontiguousarray(given)})
        assert_close(found, expected)
