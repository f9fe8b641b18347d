"""The latent explorer's pages read again: what is in them, and their decoder's arithmetic in NumPy.

It is written apart from the package's layers, a sum for each line of ``decoder.js``.
"""

import base64
import io
import json
import re

import numpy as np
from PIL import Image

import scratchvae
from scratchvae.explorer.packing import unpack


def content_of(page):
    """Return what a page was given to show."""
    (text,) = re.findall(r'<script type="application/json" id="content">(.*?)</script>', page, re.S)
    return json.loads(text)


def decoded(content, z, label=0):
    """Return the image (H, W, C) that a page's decoder gives for one z."""
    x = np.concatenate([z, np.arange(content["classes"]) == label])
    for layer in content["layers"]:
        arrays = {k: unpack(v) for k, v in layer.items() if isinstance(v, dict)}
        x = LAYERS[layer["name"]](x.ravel(), layer | arrays)
    *size, channels = content["image_shape"]
    x = x.reshape(*size, -1)
    mean, raw = x[..., :channels], x[..., channels:]
    return MEANS[content["likelihood"]["name"]](mean, raw, content["likelihood"])


def pictures_of(content):
    """Return the images (N, H, W, C) that a page shows."""
    data = base64.b64decode(content["images"].removeprefix("data:image/png;base64,"))
    sheet = np.asarray(Image.open(io.BytesIO(data)))
    height, width, channels = content["image_shape"]
    rows, columns = sheet.shape[0] // height, content["columns"]
    apart = sheet.reshape(rows, height, columns, width, channels).swapaxes(1, 2)
    return apart.reshape(-1, height, width, channels)[: content["codes"]["shape"][0]]


def stirred(model):
    """Return the model with all that it has learned and kept moved from where it begins."""
    rng = np.random.default_rng(7)
    for name, array in model._arrays().items():
        if name.endswith(("scale", "running_variance")):
            array[...] = rng.uniform(0.5, 1.5, array.shape)
        elif not name.endswith("weight"):
            array += (0.1 * rng.standard_normal(array.shape)).astype(array.dtype)
    return model


def colourful():
    """Return a model of small images in colour, neither square nor of even sides."""
    shape = {"image_shape": (9, 13, 3), "likelihood": "discretised-logistic"}
    return stirred(scratchvae.build("zhao-cnn", latent_dim=3, seed=0, **shape))


def _convolved(x, layer):
    (H, W, C), (rows, columns, outputs) = layer["shape_in"], layer["shape_out"]
    k, s, (top, left) = layer["kernel_size"], layer["stride"], layer["padding"]
    padded = np.zeros((s * rows + k + H, s * columns + k + W, C))
    padded[top : top + H, left : left + W] = x.reshape(H, W, C)
    y = np.empty((rows, columns, outputs))
    for i in range(rows):
        for j in range(columns):
            window = padded[s * i : s * i + k, s * j : s * j + k]
            y[i, j] = layer["bias"] + np.einsum("rtc,rtco->o", window, layer["weight"])
    return y


def _transposed(x, layer):
    (H, W, C), (rows, columns, outputs) = layer["shape_in"], layer["shape_out"]
    k, s, (top, left) = layer["kernel_size"], layer["stride"], layer["padding"]
    around = np.zeros((s * H + k + rows, s * W + k + columns, outputs))
    for i in range(H):
        for j in range(W):
            pixel = x.reshape(H, W, C)[i, j]
            around[s * i : s * i + k, s * j : s * j + k] += layer["weight"] @ pixel
    return around[top : top + rows, left : left + columns] + layer["bias"]


def _normalised(x, layer):
    centred = x - x.mean()
    scale, shift = layer["scale"].ravel(), layer["shift"].ravel()
    return centred / np.sqrt((centred**2).mean() + layer["epsilon"]) * scale + shift


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _softplus(x):
    return np.logaddexp(0, x)


LAYERS = {
    "Dense": lambda x, layer: x @ layer["weight"].astype(np.float64) + layer["bias"],
    "Conv2D": _convolved,
    "ConvTranspose2D": _transposed,
    "BatchNorm": lambda x, layer: (
        x.reshape(-1, len(layer["scale"])) * layer["scale"] + layer["shift"]
    ),
    "LayerNorm": _normalised,
    "ReLU": lambda x, layer: np.maximum(x, 0),
    "ELU": lambda x, layer: np.where(x > 0, x, layer["alpha"] * np.expm1(np.minimum(x, 0))),
    "Tanh": lambda x, layer: np.tanh(x),
    "Sigmoid": lambda x, layer: _sigmoid(x),
    "Softplus": lambda x, layer: _softplus(x),
}


def _mean_of_logistic(mean, raw, likelihood):
    least = likelihood["minimum_log_scale"]
    scale = np.exp(raw if least is None else least + _softplus(raw - least))
    below = scale * (_softplus((1 - mean) / scale) - _softplus(-mean / scale))
    return np.clip(1 - below, 0, 1)


MEANS = {
    "bernoulli": lambda mean, raw, likelihood: _sigmoid(mean),
    "gaussian": lambda mean, raw, likelihood: mean,
    "learned-variance": lambda mean, raw, likelihood: mean,
    "discretised-logistic": _mean_of_logistic,
}
