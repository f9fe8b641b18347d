"""The files that a model is exported to.

===============  ===================================================================================
``numpy``        An ``.npz`` archive of ``model.state()``: the package's own names and layouts, with
                 channels last, a dense weight (in, out), a convolution's (k, k, in, out).
``torch``        A ``.pt`` file that ``torch.load`` opens, a ``state_dict`` of tensors.
``safetensors``  The same names and arrays, in the format of that package, which needs no PyTorch;
                 the text of the networks is in its metadata.
``onnx``         Two files, ``PATH-encoder.onnx`` and ``PATH-decoder.onnx``.
===============  ===================================================================================

In ``torch`` and ``safetensors`` a name is that of the network, the layer's place in it and
PyTorch's name: ``encoder.1.weight``. They are for ``nn.Sequential`` networks of a plain row of
modules, which ``pytorch_source(model)`` writes out::

    from torch import nn

    networks = nn.ModuleDict()  # it has the names of the file: encoder.1.weight, …
    networks["encoder"] = nn.Sequential(nn.Flatten(), nn.Linear(784, 300), …)
    networks["decoder"] = nn.Sequential(…)
    networks.load_state_dict(torch.load("model.pt"))
    networks.eval()

Images are (N, C, H, W) there and in ONNX, and dense layers that meet one have their numbers in its
order. An encoder of a VAE gives (N, 2D), D means and D numbers that the log-variances come from by
the ``variance_head``: themselves, or log(softplus(·) + floor). (One with weights of its own is a
third network.) The encoder of ONNX gives ``mean`` and
``log_variance``, that of an autoencoder ``latents``. A decoder gives the parameters of the
likelihood: of a Bernoulli the logits. A conditional model's encoder takes the pixels, in the order
of the package, with a one-hot label after them, and its decoder takes z likewise.
"""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from scratchvae.errors import InputError
from scratchvae.export.onnx_graph import Graph, add_steps, import_onnx
from scratchvae.export.pytorch import sequential_text
from scratchvae.export.translation import Arrays, Step, translated
from scratchvae.files import AnyPath, as_file, check_writable, write_bytes
from scratchvae.training.archive import archive
from scratchvae.validation import check_choice

_NETWORKS = ("encoder", "decoder", "variance_head")


def export_model(model: Any, kind: str, path: AnyPath) -> list[Path]:
    """Write a model for other programs, whole or not at all: see ``LatentModel.export``."""
    contents = KINDS[check_choice(kind, "kind", KINDS)](model, as_file(path))
    for file in contents:
        check_writable(file)
    for file, content in contents.items():
        write_bytes(file, content)
    return list(contents)


def pytorch_source(model: Any) -> str:
    """Return Python text that makes a model's networks in PyTorch, to load its ``state_dict`` into.

    It defines ``networks``, an ``nn.ModuleDict`` of ``encoder`` and ``decoder``.

    Raises
    ------
    InputError
        If the model has other networks than these, or a layer without a counterpart in PyTorch.
    """
    lines = ["from torch import nn", "", "networks = nn.ModuleDict()"]
    for name, steps in _steps(model).items():
        lines.append(f'networks["{name}"] = {sequential_text(steps, name)}')
    return "\n".join(lines) + "\n"


def _shapes(model: Any) -> dict[str, tuple[int, ...]]:
    """Return what each network that is exported takes of an example."""
    classes, latents = model.classes, model.latent_dim
    pixels = (int(np.prod(model.image_shape)) + classes,) if classes else model.image_shape
    shapes = {"encoder": pixels, "decoder": (latents + classes,)}
    head = model.networks.get("variance_head")
    return shapes | ({"variance_head": (latents,)} if head is not None and head.parameters else {})


def _steps(model: Any) -> dict[str, list[Step]]:
    """Return the layers of each network that is exported, with their arrays."""
    try:
        if any(name not in _NETWORKS for name in model.networks):
            raise InputError("it has others besides")
        shapes = _shapes(model)
        return {name: translated(getattr(model, name), shapes[name], name) for name in shapes}
    except InputError as problem:
        if problem.remedy:
            raise
        raise InputError(
            f"this {type(model).__name__} is not an encoder of images and a decoder of latents "
            f"({problem})",
            'export its arrays: model.export("numpy", path)',
        ) from None


def _numpy(model: Any, path: Path) -> dict[Path, bytes]:
    return {path: archive(model.state()).getvalue()}


def _state_dict(model: Any) -> Arrays:
    return {
        f"{network}.{place}.{name}": array
        for network, steps in _steps(model).items()
        for place, step in enumerate(steps)
        for name, array in step.arrays.items()
    }


def _torch(model: Any, path: Path) -> dict[Path, bytes]:
    try:
        import torch
    except ImportError:
        raise InputError(
            "the export to PyTorch needs torch, which is not installed",
            'pip install torch, or export to "safetensors", which PyTorch\'s users read as well',
        ) from None
    pytorch_source(model)  # which refuses what PyTorch has not
    file = io.BytesIO()
    torch.save({name: torch.from_numpy(each) for name, each in _state_dict(model).items()}, file)
    return {path: file.getvalue()}


def _safetensors(model: Any, path: Path) -> dict[Path, bytes]:
    try:
        from safetensors.numpy import save
    except ImportError:
        raise InputError(
            "the export to safetensors needs safetensors, which is not installed",
            "pip install 'scratchvae[export]'",
        ) from None
    return {path: save(_state_dict(model), metadata={"pytorch": pytorch_source(model)})}


def _onnx(model: Any, path: Path) -> dict[Path, bytes]:
    import_onnx()
    stem = path.with_suffix("") if path.suffix == ".onnx" else path
    steps, shapes, latents = _steps(model), _shapes(model), (model.latent_dim,)
    sources = ("pixels_and_label", "z_and_label") if model.classes else ("images", "z")
    encoder, decoder = (
        Graph(source, shapes[name], model.dtype)
        for source, name in zip(sources, ("encoder", "decoder"), strict=True)
    )
    add_steps(encoder, steps["encoder"], "encoder")
    if "variance_head" in model.networks:
        mean, encoder.last = encoder.halves(model.latent_dim)
        head = translated(model.variance_head, latents, "variance_head")
        add_steps(encoder, head, "variance_head")
        encoder.put_out("log_variance", latents)
        encoder.last = mean
        encoder.put_out("mean", latents)
    else:
        encoder.put_out("latents", latents)
    add_steps(decoder, steps["decoder"], "decoder")
    *size, channels = model.image_shape
    decoder.put_out("decoded", (*size, channels * model.likelihood.channels_per_pixel))
    return {
        stem.with_name(f"{stem.name}-{name}.onnx"): graph.content(name)
        for name, graph in (("encoder", encoder), ("decoder", decoder))
    }


KINDS: dict[str, Callable[[Any, Path], dict[Path, bytes]]] = {
    "numpy": _numpy,
    "torch": _torch,
    "safetensors": _safetensors,
    "onnx": _onnx,
}
"""What a model can be exported to."""
