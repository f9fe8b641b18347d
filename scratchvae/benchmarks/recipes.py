"""The training step of each recipe, by itself and against PyTorch."""

import warnings
from collections.abc import Callable
from math import isclose
from typing import Any

import numpy as np

from scratchvae.benchmarks.arithmetic import step_multiply_adds
from scratchvae.benchmarks.profile import profile_step
from scratchvae.benchmarks.pytorch import TorchModel
from scratchvae.benchmarks.timing import Ceiling, Effort, Work, take_turns
from scratchvae.errors import InputError
from scratchvae.models import VAE, build
from scratchvae.randomness import stream
from scratchvae.training import Trainer
from scratchvae.validation import FloatArray

Report = Callable[[str], None]

STEPS_COMPARED = 10
TOLERANCE = 1e-3

PLAIN = "plain eager"
FUSED = "fused Adam"
CHANNELS_LAST = "channels last"
COMPILED = "torch.compile"


def measure_recipe(
    name: str,
    batch: int | None,
    ceiling: Ceiling,
    effort: Effort,
    *,
    against_torch: bool,
    threads: int,
    report: Report,
) -> dict[str, Any]:
    """Return the time of a recipe's training step and its share of the ceiling.

    Parameters
    ----------
    name, batch
        A recipe whose model is a VAE, and the images per step; ``None`` takes the recipe's.
    ceiling, effort
        The matrix product to compare with, and how long to measure.
    against_torch
        Whether to measure the same steps in PyTorch, in turn with ours.
    threads
        How many are in use, for the record.
    report
        Called with a line before anything that takes long.

    Returns
    -------
    ``name``, ``batch``, ``threads``, ``ours_ms``, ``multiply_adds``, ``share_of_ceiling`` and
    ``profile`` (see ``profile_step``). With PyTorch also ``torch_ms`` (plain), ``torch_best_ms``,
    ``torch_best`` (what that was), the ratios ours / theirs ``ratio`` and ``ratio_best``, the
    losses ``ours_loss`` and ``torch_loss`` after ten steps from equal weights, ``losses_agree``,
    and ``notes``, what went wrong.
    """
    report(f"measuring training steps of {name}")
    model = _vae(name)
    trainer = Trainer(model)
    batch = batch or trainer.settings.batch_size
    multiply_adds = step_multiply_adds(model, batch)
    x = random_images(model, batch)
    work: dict[str, Work] = {"ours": lambda: trainer.step_on_floats(x)}
    figures: dict[str, Any] = {}
    notes: list[str] = []
    best_name = PLAIN
    if against_torch:
        figures = compare_losses(name, x, STEPS_COMPARED)
        screening = Effort(max(2, effort.rounds // 3), effort.seconds)
        steps, best_name = _torch_steps(name, x, screening, notes, report)
        work |= {"torch": steps[PLAIN], "best": steps[best_name]}
    timings = ceiling.compare(work, effort)
    result = {
        "name": name,
        "batch": batch,
        "threads": threads,
        "ours_ms": 1e3 * timings.median("ours"),
        "multiply_adds": multiply_adds,
        "share_of_ceiling": ceiling.share(timings, "ours", multiply_adds),
        "profile": profile_step(work["ours"], effort),
    }
    if not against_torch:
        return result
    return result | {
        "torch_ms": 1e3 * timings.median("torch"),
        "torch_best_ms": 1e3 * timings.median("best"),
        "torch_best": best_name,
        "ratio": timings.ratio("ours", "torch"),
        "ratio_best": timings.ratio("ours", "best"),
        **figures,
        "notes": notes,
    }


def random_images(model: VAE, count: int) -> FloatArray:
    """Return images of random pixels, binarised where the model's settings say so."""
    x = np.random.default_rng(0).random((count, *model.image_shape))
    if model.settings.pixels == "binarised":
        x = np.round(x)
    return x.astype(model.dtype)


def compare_losses(name: str, x: FloatArray, steps: int) -> dict[str, Any]:
    """Train ours and PyTorch's from equal weights on the same images and noise.

    Returns ``ours_loss`` and ``torch_loss`` after that many steps, and ``losses_agree``: whether
    they differ by no more than a thousandth.
    """
    model = _vae(name)
    trainer = Trainer(model)
    rival = TorchModel(model, trainer.settings.learning_rate)
    images = rival.images(x)
    for step in range(steps + 1):
        # The trainer draws its noise from this stream: PyTorch gets the same.
        eps = model.draw_noise(len(x), stream(trainer.seed, "noise", step))
        ours = trainer.step_on_floats(x).loss
        theirs = rival.step(images, rival.torch.from_numpy(eps[0]))
    agree = isclose(ours, theirs, rel_tol=TOLERANCE)
    return {"ours_loss": ours, "torch_loss": theirs, "losses_agree": agree}


def _torch_steps(
    name: str, x: FloatArray, effort: Effort, notes: list[str], report: Report
) -> tuple[dict[str, Work], str]:
    """Return ways of running PyTorch's step, and which of them is the fastest.

    Compiling takes long, so of the two layouts of images only the one that is faster without it is
    compiled.
    """
    ways: dict[str, dict[str, bool]] = {PLAIN: {}, FUSED: {"fused": True}}
    if any(parameter.value.ndim == 4 for parameter in _vae(name).parameters.values()):
        ways[f"{FUSED} + {CHANNELS_LAST}"] = {"fused": True, "channels_last": True}
    steps = {label: _torch_step(name, x, **options) for label, options in ways.items()}
    fastest = _fastest(steps, effort)
    base = FUSED if fastest == PLAIN else fastest
    label = f"{base} + {COMPILED}"
    report(f"{name}: compiling PyTorch's step ({label})")
    try:
        steps[label] = _torch_step(name, x, compiled=True, **ways[base])
    except Exception as error:  # a compiler may raise anything: the other ways still count
        reason = " ".join(str(error).split())[:200]
        notes.append(f"{label} failed: {type(error).__name__}: {reason}")
        return steps, fastest
    return steps, _fastest(steps, effort)


def _fastest(steps: dict[str, Work], effort: Effort) -> str:
    timings = take_turns(steps, effort)
    return min(steps, key=lambda label: timings.ratio(label, PLAIN))


def _torch_step(name: str, x: FloatArray, **options: bool) -> Work:
    model = _vae(name)
    rival = TorchModel(model, model.settings.learning_rate, **options)
    images = rival.images(x)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the compiler's advice on hardware that isn't there
        for _ in range(3):
            rival.step(images)
    return lambda: rival.step(images)


def _vae(name: str) -> VAE:
    model = build(name)
    if not isinstance(model, VAE):
        raise InputError(f"the benchmark measures VAEs, and {name} is not one: name another")
    return model
