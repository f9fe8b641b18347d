"""A valid call of what trains a model, finds its data and evaluates it."""

import contextlib

import numpy as np
from call_table import COUNTS, FACTORS, IMAGES, LABELS, Q, X, add, valued
from calls_of_models import conditional
from helpers import (
    IMAGE_SHAPE,
    normal,
    small_parts,
    small_vae,
)

from scratchvae import data, evaluation, layers, models, training
from scratchvae.errors import InputError
from scratchvae.probability import GaussianLikelihood
from scratchvae.training import EpochMetrics, LossTerms, Settings, Trainer

# Training.

LINE = EpochMetrics(1, LossTerms(3.0, 2.0, 1.0), None, 0.1)
PARAMETERS = {"w": layers.Parameter(X.copy())}
SETTINGS = {
    "learning_rate": 0.1,
    "momentum": 0.5,
    "schedule": "constant",
    "batch_size": 2,
    "epochs": 1,
    "pixels": "grey",
    "warm_up": 1.0,
    "free_bits": 0.1,
    "free_bits_epochs": 1.0,
}
add("training.Settings", valued(Settings), optimiser="sgd", **SETTINGS)
add("training.Settings, adam", valued(Settings), optimiser="adam", epsilon=1e-8)
add("training.Settings.changed", lambda: Settings().changed, optimiser="sgd", **SETTINGS)
add("training.epochs_through_stage", valued(training.epochs_through_stage), last=3)
add(
    "training.Trainer",
    lambda: (
        lambda model, settings, seed, epochs: Trainer(
            model, settings, seed=seed, epochs=epochs
        ).step(IMAGES)
    ),
    model=small_vae(),
    settings=Settings(),
    seed=0,
    epochs=2,
)
add("training.Trainer.step", lambda: Trainer(conditional()).step, batch=IMAGES, labels=LABELS)
add("training.Trainer.schedule", lambda: Trainer(small_vae()).schedule, progress=0.5)
add(
    "training.train",
    valued(training.train),
    trainer=Trainer(conditional(), epochs=1),
    images=IMAGES,
    labels=LABELS,
    test_images=IMAGES[:2],
    test_labels=LABELS[:2],
    progress=False,
)
add(
    "training.check_training_set",
    valued(training.check_training_set),
    images=IMAGES,
    labels=LABELS,
)
add(
    "training.SGD",
    lambda: lambda **given: training.SGD(**given).step(),
    parameters=PARAMETERS,
    learning_rate=0.1,
    momentum=0.5,
)
add(
    "training.Adam",
    lambda: lambda **given: training.Adam(**given).step(),
    parameters=PARAMETERS,
    learning_rate=0.1,
    beta_1=0.9,
    beta_2=0.9,
    epsilon=1,
)

add("training.SGD.step", lambda: training.SGD(PARAMETERS, 0.1).step)
add("training.Adam.step", lambda: training.Adam(PARAMETERS, 0.1).step)
add(
    "training.Trainer.step_on_floats",
    lambda: Trainer(conditional()).step_on_floats,
    x=IMAGES,
    labels=LABELS,
)

# Data and evaluation.


def at_least_refused(function):
    """Return a function that may be refused: what it needs is not on every machine."""

    def call(**arguments):
        with contextlib.suppress(InputError):
            function(**arguments)

    return lambda: call


add("data.load", at_least_refused(data.load), name="nothing", seed=0, data_dir=None, progress=False)
add("data.find_local", at_least_refused(data.find_local), name="nothing", cache_dir="nowhere")


def synthetic():
    from scratchvae.data.synthetic import make_synthetic_digits

    return make_synthetic_digits


FACTOR_ROWS = np.array([[10.0, 0.0, 1.0, 1.0, 2.0, 0.0, 0.0]])
add(
    "data.synthetic.make_synthetic_digits",
    synthetic,
    count=1,
    seed=0,
    labels=[3],
    factors=FACTOR_ROWS,
    style=1.0,
)
LINEAR = {"weight": normal(2, 15), "bias": normal(15), "variance": 0.5}


def linear_vae():
    _, decoder = small_parts()
    return models.VAE(
        small_parts()[0],
        layers.Sequential(layers.Dense(2, 15, **COUNTS), decoder.layers[-1]),
        GaussianLikelihood(),
        image_shape=IMAGE_SHAPE,
        latent_dim=2,
    )


def linear_gaussian():
    return evaluation.LinearGaussian(**LINEAR)


for _name, _arguments in {
    "active_units": {"means": X, "threshold": 0.01},
    "layer_activity": {"model": small_vae(), "images": IMAGES, "labels": None, "threshold": 0.01},
    "factor_information": {**Q, "factors": {"a": normal(4)}, "bins": 3, "classes": 2},
    "model_information": {
        "model": small_vae(),
        "images": IMAGES,
        "factors": FACTORS,
        "labels": None,
        "bins": 3,
    },
    "bits_per_dimension": {"nats": normal(4), "image_shape": (3, 5, 1)},
    "LinearGaussian": LINEAR,
    "sigma_points": {"count": 3, "latent_dim": 2},
    "log_likelihood_by_quadrature": {
        "model": small_vae(latent_dim=1),
        "images": IMAGES,
        "points": 9,
    },
    "compare_gradient_estimators": {"model": small_vae(), "x": IMAGES, "draws": 3, "seed": 0},
    "estimate_log_likelihood": {
        "model": small_vae(),
        "images": IMAGES,
        "samples": 2,
        "seed": 0,
        "progress": False,
    },
}.items():
    add(f"evaluation.{_name}", valued(getattr(evaluation, _name)), **_arguments)
for _name, _arguments in {
    "of": {"vae": linear_vae()},
    "most_likely": {"images": IMAGES, "latent_dim": 2, "variance": 0.1},
    "log_likelihood": {"images": IMAGES},
    "posterior": {"images": IMAGES},
    "elbo": {"images": IMAGES, "mean": normal(6, 2), "log_variance": normal(6, 2)},
    "gap": {"images": IMAGES, "mean": normal(6, 2), "log_variance": normal(6, 2)},
}.items():
    add(
        f"evaluation.LinearGaussian.{_name}",
        lambda name=_name: getattr(linear_gaussian(), name),
        **_arguments,
    )
