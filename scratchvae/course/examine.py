"""Examining a reader's whole program: ``python -m scratchvae.course.examine my_vae.py``.

Every piece is judged as the lessons' checker judges it. With ``--train`` the program's VAE and the
package's are trained on the same digits with the same settings.
"""

import argparse
import inspect
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from scratchvae.course.display import digits, sized
from scratchvae.course.exercises.catalogue import LESSONS
from scratchvae.course.exercises.exercise import Exercise
from scratchvae.course.exercises.judging import judge
from scratchvae.course.own_program import load, ours
from scratchvae.errors import InputError
from scratchvae.models import build

EPOCHS, BATCH, RATE, HIDDEN, LATENTS = 5, 100, 1e-3, 500, 2
# What of a piece shows in use only, and is agreed on between the pieces.
_ALSO = {
    "Dense": 'and two dictionaries, parameters and gradients, of a "weight" and a "bias"; both '
    "begin uniformly between ±1/√inputs",
    "Tanh": "and parameters and gradients, which are empty",
    "ELU": "and parameters and gradients, which are empty",
    "Momentum": "and rate, which train_vae changes",
    "Adam": "and rate, which train_vae changes",
    "VAE": "and kept = x, eps, mean, log_variance, y",
}
FIRST_HALF = 13  # lessons, whose pieces make a VAE
NEAR_ENOUGH = 2.0  # nats: other seeds of one program differ by about one


def examine(path: Path) -> dict[str, str]:
    """Return for each piece of a VAE "right", or what is wrong, or "missing" and its usage.

    These are the pieces of the first half of the course. Those of later lessons are judged where
    the file has them, and are not missed where it has not.

    Raises
    ------
    InputError
        If there is no such file, or it cannot be run.
    """
    module = load(path)
    if module is None:
        raise InputError(f"there is no file {str(path)!r}: name the one that you write")
    found = {}
    needed = {id(each) for lesson in LESSONS[:FIRST_HALF] for each in lesson}
    for exercise in (each for lesson in LESSONS for each in lesson):
        if not (isinstance(exercise, Exercise) and exercise.piece):
            continue
        if id(exercise) not in needed and not hasattr(module, exercise.piece):
            continue
        wrong = judge(exercise, getattr(module, exercise.piece, None))
        if wrong is None:
            found[exercise.piece] = "right"
        elif wrong.cause == "not done":
            found[exercise.piece] = f"missing: {_usage(ours(exercise.piece))}"
        else:
            found[exercise.piece] = f"wrong: {wrong.sentence}"
    return found


def _usage(piece: Any) -> str:
    """Return how a piece is called, and which methods it has."""
    if not isinstance(piece, type):
        return f"{piece.__name__}{_arguments(piece)}"
    methods = {name: its for name, its in vars(piece).items() if not name.startswith("_")}
    named = [
        name if isinstance(its, property) else f"{name}{_arguments(its)}"
        for name, its in methods.items()
    ]
    usage = f"{piece.__name__}{_arguments(piece)} with {', '.join(named)}"
    return f"{usage}, {_ALSO[piece.__name__]}" if piece.__name__ in _ALSO else usage


def _arguments(function: Any) -> str:
    """Return a function's arguments with their defaults, without types."""
    signature = inspect.signature(function)
    plain = [
        argument.replace(annotation=inspect.Parameter.empty)
        for name, argument in signature.parameters.items()
        if name != "self"
    ]
    kept = signature.replace(parameters=plain, return_annotation=inspect.Signature.empty)
    return re.sub(r"<class 'numpy\.(\w+)'>", r"np.\1", str(kept))


def compare_training(module: Any) -> tuple[float, float]:
    """Train the program's VAE and the package's; return their test losses in nats per image."""
    data = digits(train=sized(60_000, 2_000), test=sized(2_000, 300))
    epochs, rng = sized(EPOCHS, 2), np.random.default_rng(0)
    images = (data.train_images.reshape(-1, 784) / 255).astype(np.float32)
    test = module.toss((data.test_images.reshape(-1, 784) / 255).astype(np.float32), rng)
    encoder = module.Sequential(
        module.Dense(784, HIDDEN, rng, np.float32),
        module.Tanh(),
        module.Dense(HIDDEN, 2 * LATENTS, rng, np.float32),
    )
    decoder = module.Sequential(
        module.Dense(LATENTS, HIDDEN, rng, np.float32),
        module.Tanh(),
        module.Dense(HIDDEN, 784, rng, np.float32),
    )
    vae = module.VAE(encoder, decoder, module.Bernoulli(), LATENTS)
    optimiser = module.Adam(vae.parameters, RATE)
    module.train_vae(
        vae, optimiser, images, epochs=epochs, size=BATCH, rng=rng, prepare=module.toss
    )
    own = sum(module.evaluate(vae, test, rng))

    model = build("kingma-welling", latent_dim=LATENTS, seed=0)
    settings = {"epochs": epochs, "batch_size": BATCH, "learning_rate": RATE}
    model.fit(data.train_images, schedule="cosine", progress=False, **settings)
    return float(own), model.evaluate(test.reshape(-1, 28, 28, 1)).loss


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table, and with ``--train`` the comparison; 0 if all is right."""
    parser = argparse.ArgumentParser(
        prog="python -m scratchvae.course.examine",
        description="Examine a VAE of your own, piece by piece.",
    )
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--train", action="store_true", help="train it beside the package's")
    chosen = parser.parse_args(arguments)
    try:
        found = examine(chosen.file)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    for piece, verdict in found.items():
        print(f"{piece:24}{verdict}")
    right = sum(verdict == "right" for verdict in found.values())
    print(f"{right} of {len(found)} pieces are right.")
    if right < len(found):
        if chosen.train:
            print("It is not trained before all of them are.")
        return 1
    if not chosen.train:
        return 0
    own, packaged = compare_training(load(chosen.file))
    print(f"Test loss: yours {own:.1f}, the package's {packaged:.1f} nats per image.")
    if abs(own - packaged) < NEAR_ENOUGH:
        return 0
    print(
        f"They should differ by less than {NEAR_ENOUGH:g}. Every piece is right by itself, so look "
        "at what begins the training: the weights and biases of Dense."
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
