"""What lesson 12 adds to the reader's own program: training, evaluation, and keeping a model."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np

from scratchvae.course.exercises.exercise import Exercise
from scratchvae.course.exercises.lesson_12.small import draw_images, in_a_row, small_vae
from scratchvae.course.exercises.running import UnusableError
from scratchvae.course.program import (
    Adam,
    batches,
    cosine,
    evaluate,
    load_parameters,
    noise,
    save_parameters,
    toss,
    train_vae,
)
from scratchvae.validation import FloatArray

Answer = Callable[..., Any]


def _used_train(function: Any) -> Answer:
    def run(x: FloatArray, eps: FloatArray, seed: int) -> Any:
        vae = small_vae(x.shape[1], eps.shape[1], seed)
        optimiser, before = Adam(vae.parameters, 0.05), in_a_row(vae.parameters)
        rng = np.random.default_rng(seed)
        settings: dict[str, Any] = {"epochs": 2, "size": len(x) - 1, "rng": rng}
        # Images of grey, so that it shows whether they are prepared.
        grey = 0.2 + 0.6 * x
        history = function(vae, optimiser, grey, prepare=toss, **settings)
        if history is None:
            return None
        trained = in_a_row(vae.parameters)
        if np.array_equal(trained, before):
            raise UnusableError("idle", "the parameters are as before: optimiser.step changes them")
        plain = function(vae, optimiser, grey, **settings)
        return np.array(history), trained, optimiser.rate, np.array(plain)

    return run


def _train_that(
    *,
    scheduled: bool = True,
    prepared: bool = True,
    weighed: bool = True,
    put_back: bool = True,
    noisy: bool = True,
    by_epoch: bool = False,
    early: int = 0,
    rounded_up: bool = True,
    compounded: bool = False,
    noise_first: bool = False,
) -> Answer:
    """Return a training loop with the mistakes that are switched on."""

    def train(
        vae: Any,
        optimiser: Any,
        images: FloatArray,
        *,
        epochs: int,
        size: int,
        rng: Any,
        prepare: Any = None,
    ) -> list[float]:
        rate, history = optimiser.rate, []
        steps = epochs * (-(-len(images) // size) if rounded_up else len(images) // size)
        done = 0
        for epoch in range(epochs):
            losses = []
            for chosen in batches(len(images), size, rng):
                x = images[chosen]
                if noise_first:
                    eps = noise(rng, len(x), vae.latents, x.dtype)
                x = prepare(x, rng) if prepare is not None and prepared else x
                if not noise_first:
                    eps = noise(rng, len(x), vae.latents, x.dtype)
                reconstruction, kl = vae.forward(x, eps if noisy else 0 * eps)
                vae.backward()
                progress = epoch / epochs if by_epoch else (done + early) / steps
                whole_rate = optimiser.rate if compounded else rate
                optimiser.rate = whole_rate * cosine(progress) if scheduled else rate
                optimiser.step(vae.gradients)
                done += 1
                losses.append(reconstruction + kl)
            whole = np.concatenate(losses).mean()
            history.append(float(whole if weighed else np.mean([each.mean() for each in losses])))
        optimiser.rate = rate if put_back else optimiser.rate
        return history

    return train


TRAIN_VAE = Exercise(
    name="train-vae",
    piece="train_vae",
    answer=train_vae,
    use=_used_train,
    draw=draw_images,
    mistakes={
        "the rate must follow the cosine: set optimiser.rate before each step": (
            _train_that(scheduled=False)
        ),
        "the rate must fall from step to step, not from epoch to epoch": (
            _train_that(by_epoch=True)
        ),
        "the first step has the whole rate, cosine(0): count the step after it": (
            _train_that(early=1)
        ),
        "the last, smaller batch of an epoch is a step as well: round len(images) / size up": (
            _train_that(rounded_up=False)
        ),
        "each step's rate is a share of the rate at the start, not of the step before": (
            _train_that(compounded=True)
        ),
        "the noise is drawn before the batch is prepared, so it is other noise: prepare first": (
            _train_that(noise_first=True)
        ),
        "the batch is not prepared: prepare(images[chosen], rng)": _train_that(prepared=False),
        "the noise is missing: forward takes draws of N(0, I)": _train_that(noisy=False),
        "the last batch is smaller: add up the losses of all images, and divide by their number": (
            _train_that(weighed=False)
        ),
        "put the optimiser's rate back at the end": _train_that(put_back=False),
    },
    hints=(
        "Begin with train_network: two loops, batches in the inner one.",
        "In the inner loop: prepare, vae.forward with fresh noise, vae.backward(), the rate, "
        "optimiser.step(vae.gradients).",
        "There are epochs · ceil(len(images) / size) steps; the k-th, from 0, has the rate "
        "rate · cosine(k / steps). Add up reconstruction + kl of all images.",
    ),
    returns=(
        "the history",
        "the trained parameters",
        "the rate afterwards",
        "the history without prepare",
    ),
)


def _used_evaluate(function: Any) -> Answer:
    def run(x: FloatArray, eps: FloatArray, seed: int) -> Any:
        vae = small_vae(x.shape[1], eps.shape[1], seed)
        return function(vae, x, np.random.default_rng(seed))

    return run


EVALUATE = Exercise(
    name="evaluate",
    piece="evaluate",
    answer=evaluate,
    use=_used_evaluate,
    draw=draw_images,
    mistakes={
        "these are sums over the images; the means are asked for": lambda vae, x, rng: tuple(
            term * len(x) for term in evaluate(vae, x, rng)
        ),
        "the noise is missing: the bound is a mean over draws": lambda vae, x, rng: tuple(
            term.mean() for term in vae.forward(x, np.zeros((len(x), vae.latents)))
        ),
    },
    hints=("noise for all images, vae.forward, and two means.", "vae.forward returns both terms."),
    returns=("the reconstruction", "the KL"),
)


def _used_save(function: Any) -> Answer:
    def run(x: FloatArray, eps: FloatArray, seed: int) -> Any:
        file, vae = io.BytesIO(), small_vae(x.shape[1], eps.shape[1], seed)
        function(file, vae)
        if not file.getvalue():
            return None
        file.seek(0)
        kept = np.load(file, allow_pickle=True)
        if not isinstance(kept, np.lib.npyio.NpzFile) or set(kept) != set(vae.parameters):
            raise UnusableError(
                "names",
                "the file must hold each array under its own name: np.savez takes them as keyword "
                "arguments, which two stars make of a dictionary",
            )
        return np.concatenate([np.ravel(kept[name]) for name in sorted(kept)])

    return run


def _used_load(function: Any) -> Answer:
    def run(x: FloatArray, eps: FloatArray, seed: int) -> Any:
        file, vae = io.BytesIO(), small_vae(x.shape[1], eps.shape[1], seed + 1)
        save_parameters(file, small_vae(x.shape[1], eps.shape[1], seed))
        file.seek(0)
        before = in_a_row(vae.parameters)
        function(file, vae)
        after = in_a_row(vae.parameters)
        return None if np.array_equal(before, after) else after

    return run


SAVE_PARAMETERS = Exercise(
    name="save-parameters",
    piece="save_parameters",
    answer=save_parameters,
    use=_used_save,
    draw=draw_images,
    hints=("vae.parameters is a dictionary.", "np.savez(file, **vae.parameters)"),
    idle="The file is empty: np.savez writes to it.",
    returns=("the file's arrays",),
)

LOAD_PARAMETERS = Exercise(
    name="load-parameters",
    piece="load_parameters",
    answer=load_parameters,
    use=_used_load,
    draw=draw_images,
    hints=(
        "Go through vae.parameters.items(), and write into each array: value[...] = …",
        "np.load(file)[name] is the array of that name.",
    ),
    idle=(
        "The VAE's arrays are as before: value = ... only gives another array that name; "
        "value[...] = ... writes into this one."
    ),
    returns=("the VAE's parameters",),
)
