"""A little of everything, for an interpreter with other settings: python representative_uses.py OUT

What is wrong raises an error by itself, or by ``expect``: asserts may be switched off here.
"""

import copy
import multiprocessing
import pickle
import sys
from pathlib import Path

import numpy as np

import scratchvae
from scratchvae import cli, kernels, plots
from scratchvae.layers import Dense, Flatten, ReLU, Sequential
from scratchvae.training import read_history

IMAGES = np.random.default_rng(0).integers(0, 256, (24, 28, 28, 1), dtype=np.uint8)
LABELS = np.arange(24) % 10


def expect(what, right):
    if not right:
        raise SystemExit(f"wrong: {what}")


def models():
    for name in ("zhao-mlp", "conditional-vae", "hierarchical-vae", "iwae", "sparse-autoencoder"):
        model = scratchvae.build(name, seed=0)
        labels = LABELS if model.classes else None
        model.fit(IMAGES, labels, epochs=1, batch_size=8, progress=False)
        expect(name, np.isfinite(model.encode(IMAGES, labels)).all())
        expect(name, np.isfinite(model.evaluate(IMAGES, labels=labels).loss))
        again = pickle.loads(pickle.dumps(copy.deepcopy(model)))
        expect(name, np.array_equal(again.encode(IMAGES, labels), model.encode(IMAGES, labels)))
        plots.draw_samples(model, rows=2, columns=2)


def refusals():
    for call in (
        lambda: Dense(3, 2).backward(np.ones((4, 2), np.float32)),
        lambda: Sequential(Flatten(), Flatten()).forward(3),
        lambda: scratchvae.build("nothing"),
        lambda: kernels.set_threads(0),
        lambda: scratchvae.build("zhao-mlp").fit(IMAGES, learning_rate=-1),
    ):
        try:
            call()
        except scratchvae.InputError as error:
            expect(error, "\n" not in str(error))
        else:
            raise SystemExit("bad input was taken")


def gradients():
    network = Sequential(Dense(3, 4, dtype=np.float64), ReLU())
    report = scratchvae.gradcheck(network, np.ones((5, 3)))
    expect(report, report.passed)


def program(out):
    folder = str(out / "run")
    small = ["--batch-size", "16", "--epochs", "1"]
    for words in (
        ["train", "zhao-mlp", *small, "--out", folder],
        ["train", "--resume", "--epochs", "2", "--out", folder],
        ["evaluate", folder, "--json"],
        ["draw", folder, "samples"],
        ["gradcheck", "Dense"],
        ["--help"],
        ["train", "--help"],
    ):
        expect(words, cli.main(words) == 0)
    expect("rows", len(read_history(out / "run" / "metrics.csv", 2)) == 2)


def processes():
    model = scratchvae.build("zhao-mlp", seed=0)
    for method in {"fork", "spawn"} & set(multiprocessing.get_all_start_methods()):
        with multiprocessing.get_context(method).Pool(1) as pool:
            expect(
                method, np.array_equal(pool.map(model.encode, [IMAGES])[0], model.encode(IMAGES))
            )


if __name__ == "__main__":
    models()
    refusals()
    gradients()
    program(Path(sys.argv[1]))
    processes()
    print("all right")
