"""A model in one file: what comes back, what is refused, and that nothing is half written."""

import copy
import json
import os
import pickle

import numpy as np
import pytest
from data_sets import refusal
from helpers import IMAGE_SHAPE, assert_same, latents_of, refused, small_parts, small_vae

import scratchvae
from scratchvae.layers import (
    ELU,
    BatchNorm,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Dropout,
    Flatten,
    LayerNorm,
    MaxPool2D,
    Reshape,
    Sequential,
    Softplus,
)
from scratchvae.models import RECIPES, VAE, Autoencoder, Diffusion
from scratchvae.models.description import PARTS
from scratchvae.probability import (
    BernoulliLikelihood,
    DiscretisedLogisticLikelihood,
    GaussianLikelihood,
    LearnedVarianceLikelihood,
)
from scratchvae.runs.run import Run
from scratchvae.training.archive import archive, read_archive

IMAGES = np.random.default_rng(0).random((12, *IMAGE_SHAPE))
FOREIGN = {
    "weights.npz": (lambda path: small_vae().export("numpy", path), "'encoder.", "load_state"),
    "weights.pt": (lambda path: small_vae().export("torch", path), "PyTorch", "model.save"),
    "weights.safetensors": (
        lambda path: small_vae().export("safetensors", path),
        *("safetensors", "model.save"),
    ),
    "images.npz": (lambda path: np.savez_compressed(path, a=IMAGES), "'a'", "model.save"),
    "images.npy": (lambda path: np.save(path, IMAGES), "numpy.load"),
    "model.pkl": (lambda path: path.write_bytes(pickle.dumps(small_vae())), "pickle"),
    "model.h5": (lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(99)), "HDF5"),
}
FLOAT64 = {"rng": 0, "dtype": np.float64}


def put_together(**options):
    encoder = Sequential(
        Conv2D(1, 3, 3, 2, "same", **FLOAT64),
        Sequential(BatchNorm(3, 0.2, 1e-3, dtype=np.float64), ELU(0.7)),
        MaxPool2D(2, 1),
        Dropout(0.2, **FLOAT64),
        Flatten(),
        Dense(6, 4, **FLOAT64),
    )
    decoder = Sequential(
        Dense(2, 4, **FLOAT64),
        LayerNorm(4, dtype=np.float64),
        Reshape((2, 2, 1)),
        ConvTranspose2D(1, 2, 3, 2, 1, output_size=(3, 4), **FLOAT64),
        Conv2D(2, 1, 2, padding=1, **FLOAT64),
        ConvTranspose2D(1, 1, 1, **FLOAT64),
        Flatten(),
        Dense(20, 15, **FLOAT64),
        Reshape(IMAGE_SHAPE),
    )
    shapes = {"image_shape": IMAGE_SHAPE, "latent_dim": 2}
    return VAE(encoder, decoder, GaussianLikelihood(0.1), **shapes, **options)


def changed(path, change):
    """Write a file of a model again, with its text changed."""
    with open(path, "rb") as file:
        arrays = read_archive(file)
    text = json.loads(str(arrays["model"]))
    change(text)
    path.write_bytes(archive(arrays | {"model": np.array(json.dumps(text))}).getvalue())


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_comes_back_as_it_was(name, tmp_path):
    model = scratchvae.build(name, latent_dim=latents_of(name, 3), seed=5)
    model.settings = model.settings.changed(epochs=7)
    model.save(tmp_path / "model.npz")
    other = scratchvae.load(tmp_path / "model.npz")
    assert type(other) is type(model)
    assert_same(other.state(), model.state())
    assert (other.config, other.settings) == (model.config, model.settings)
    assert [repr(one) for one in other.networks.values()] == [
        repr(one) for one in model.networks.values()
    ]
    images = np.random.default_rng(0).random((3, *model.image_shape)).astype(np.float32)
    labels = np.arange(3) if model.classes else None
    assert other.evaluate(images, labels=labels) == model.evaluate(images, labels=labels)


def test_a_model_put_together_by_hand_comes_back_and_trains_on_alike(tmp_path):
    model = put_together(beta=0.5, variance_head=Softplus(), samples=2)
    model.decoder.layers[0].freeze()
    model.kl_weight = 0.25
    model.fit(IMAGES, test_images=IMAGES, epochs=2, batch_size=4, progress=False)
    model.save(tmp_path / "model")
    other = scratchvae.load(str(tmp_path / "model"))
    assert_same(other.state(), model.state())
    assert other.history_ == model.history_
    assert len(other.history_) == 2
    assert (other.beta, other.samples, other.kl_weight) == (0.5, 2, 0.25)
    assert repr(other.encoder) == repr(model.encoder)
    flags = [parameter.trainable for parameter in other.parameters.values()]
    assert flags == [parameter.trainable for parameter in model.parameters.values()]
    for one in (model, other):
        one.fit(IMAGES, epochs=1, batch_size=4, progress=False, warm_start=True)
    assert_same(other.state(), model.state())


@pytest.mark.parametrize(
    "likelihood",
    [
        BernoulliLikelihood(),
        GaussianLikelihood(0.3, include_constant=True),
        LearnedVarianceLikelihood(-np.inf),
        DiscretisedLogisticLikelihood(-4.0),
    ],
    ids=repr,
)
def test_every_likelihood_comes_back(likelihood, tmp_path):
    small_vae(likelihood).save(tmp_path / "model")
    found = scratchvae.load(tmp_path / "model").likelihood
    assert vars(found) == vars(likelihood)
    assert type(found) is type(likelihood)


def test_a_diffusion_comes_back_with_the_likelihood_that_it_was_given(tmp_path):
    model = Diffusion(Dense(24, 16, rng=0), steps=5, variance=0.1, image_shape=(4, 4, 1))
    model.likelihood = GaussianLikelihood(0.2)
    model.save(tmp_path / "model")
    found = scratchvae.load(tmp_path / "model")
    assert vars(found.likelihood) == {"variance": 0.2, "include_constant": False}
    assert found.steps == 5


def test_every_layer_of_the_package_can_be_described():
    from scratchvae import layers

    kinds = {name for name in layers.__all__ if isinstance(getattr(layers, name), type)}
    assert kinds - PARTS.keys() == {"Layer", "Parameter"}


def test_a_parameter_in_two_places_is_one_again(tmp_path):
    encoder, decoder = small_parts(latent_dim=3, hidden=3, outputs=1)
    shared = encoder.layers[3].parameters["weight"]
    decoder.layers[0].parameters["weight"] = shared
    shapes = {"image_shape": IMAGE_SHAPE, "latent_dim": 3}
    model = Autoencoder(encoder, decoder, BernoulliLikelihood(), **shapes)
    model.save(tmp_path / "model")
    other = scratchvae.load(tmp_path / "model")
    again = other.parameters
    assert again["encoder.3.weight"] is again["decoder.0.weight"]
    for one in (model, other):
        one.fit(IMAGES, epochs=1, progress=False)
    assert_same(other.state(), model.state())


def test_a_file_of_another_model_changes_nothing(tmp_path):
    small_vae().save(tmp_path / "model")
    other = small_vae(hidden=4)
    before = other.state()
    with refused("does not fit this", "encoder.1.weight"):
        scratchvae.load(tmp_path / "model", into=other)
    assert_same(other.state(), before)
    for wrong in ("model", 3, Dense(2, 3)):
        with refused("into must be a Model"):
            scratchvae.load(tmp_path / "model", into=wrong)


def test_the_folder_of_a_run_opens_in_one_line_as_well(tmp_path):
    run = Run.begin("linear-autoencoder", tmp_path / "run", data="synthetic", latent_dim=2)
    run.save()
    model = scratchvae.load(tmp_path / "run")
    assert_same(model.state(), run.model.state())
    with refused("the folder of a run", "leave `into` out"):
        scratchvae.load(tmp_path / "run", into=model)
    with refused("expected the folder of a run"):
        (tmp_path / "empty").mkdir()
        scratchvae.load(tmp_path / "empty")
    with refused("checkpoint.npz", "give the folder of its run"):
        scratchvae.load(tmp_path / "run" / "checkpoint.npz")


def test_what_could_not_be_loaded_is_not_written(tmp_path):
    path, model = tmp_path / "model", small_vae()
    model.save(path)
    before = path.read_bytes()
    model.parameters["encoder.1.bias"].value[0] = np.nan
    with refused("is not written", "encoder.1.bias", "NaN or infinity"):
        model.save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["model"]
    with refused("is a folder"):
        small_vae().save(tmp_path)
    for wrong in (3, None, "a\0b"):
        with refused("a path must be text"):
            small_vae().save(wrong)
        with refused("a path must be text"):
            scratchvae.load(wrong)
    with refused("there is no file"):
        scratchvae.load(tmp_path / "none")


def test_the_same_model_gives_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        put_together().save(tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_newer_format_and_a_class_that_nobody_knows_are_refused(tmp_path):
    path = tmp_path / "model"
    small_vae().save(path)
    with open(path, "rb") as file:
        arrays = read_archive(file)
    path.write_bytes(archive(arrays | {"format": np.array(2)}).getvalue())
    with refused("a newer version of scratchvae", "install a newer one"):
        scratchvae.load(path)
    for kind in ("Popen", "Parameter", "Layer", "LatentModel"):
        small_vae().save(path)

        def rename(text, kind=kind):
            text["model"]["arguments"]["encoder"]["layers"][1]["class"] = kind

        changed(path, rename)
        with refused(f"({kind!r})", "damaged or foreign"):
            scratchvae.load(path)
        changed(path, lambda text, kind=kind: text["model"].update({"class": kind}))
        with refused(f"({kind!r})"):
            scratchvae.load(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda layer: layer["arguments"].update(in_features=10**6),
        lambda layer: layer["arguments"].update(in_features=10**6, out_features=30),
        lambda layer: layer.update({"class": "BatchNorm", "arguments": {"channels": 1 << 24}}),
        lambda layer: layer.update({"class": "LayerNorm", "arguments": {"shape": [1 << 12] * 2}}),
    ],
)
def test_a_description_of_more_numbers_than_there_are_takes_no_memory(change, tmp_path):
    path = tmp_path / "model"
    small_vae().save(path)
    changed(path, lambda text: change(text["model"]["arguments"]["encoder"]["layers"][1]))
    with refused("more numbers than are in the file"):
        scratchvae.load(path)


def test_copies_and_pickles_are_of_the_size_of_the_model_after_a_fit():
    model = put_together()
    weights = sum(array.nbytes for array in model.state().values())
    model.fit(IMAGES.repeat(40, axis=0), epochs=1, batch_size=480, progress=False)
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert_same(other.state(), model.state())
        np.testing.assert_array_equal(other.elbo(IMAGES), model.elbo(IMAGES))
    # Values, gradients and the state before the fit, and what the objects take by themselves.
    assert len(pickle.dumps(model)) < 3 * weights + 40_000


@pytest.mark.parametrize("name", FOREIGN)
def test_a_file_for_another_program_is_called_what_it_is(tmp_path, name):
    write, *words = FOREIGN[name]
    if name in ("weights.pt", "weights.safetensors"):
        pytest.importorskip({"weights.pt": "torch"}.get(name, "safetensors"))
    write(tmp_path / name)
    said = refusal(scratchvae.load, tmp_path / name)
    assert all(word in said for word in (name, *words))
    assert "damaged" not in said


def test_a_model_of_other_sizes_is_told_that_the_file_does_not_fit_it(tmp_path):
    small_vae().save(tmp_path / "model.npz")
    other = scratchvae.build("zhao-mlp", image_shape=IMAGE_SHAPE)
    with refused("does not fit this VAE", "build the model as the saved one"):
        scratchvae.load(tmp_path / "model.npz", into=other)
