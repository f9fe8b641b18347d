"""A valid call of every model and of its methods."""

import numpy as np
from call_table import COUNTS, IMAGES, LABELS, add, valued
from helpers import (
    IMAGE_SHAPE,
    normal,
    small_autoencoder,
    small_parts,
    small_vae,
)
from hierarchical_cases import small as small_hierarchical
from vqvae_cases import small_vqvae

from scratchvae import layers, models
from scratchvae.probability import BernoulliLikelihood, GaussianLikelihood
from scratchvae.training import Settings

STEPS = np.array([1, 2, 3, 4, 2, 3])

# Models.


def conditional(**options):
    parts = (
        layers.Sequential(layers.Flatten(), layers.Dense(18, 4, **COUNTS)),
        layers.Sequential(layers.Dense(5, 15, **COUNTS), layers.Reshape(IMAGE_SHAPE)),
    )
    chosen = {"image_shape": IMAGE_SHAPE, "latent_dim": 2, "classes": 3} | options
    return models.ConditionalVAE(*parts, GaussianLikelihood(), **chosen)


def autoencoder(kind):
    def make(**options):
        fixed = {"image_shape": IMAGE_SHAPE, "latent_dim": 2}
        return kind(*small_parts(outputs=1), GaussianLikelihood(), **fixed, **options)

    return make


def small_diffusion(**options):
    denoiser = layers.Sequential(layers.Dense(23, 15, **COUNTS))
    return models.Diffusion(denoiser, **{"image_shape": IMAGE_SHAPE, "steps": 4} | options)


MODELS = {
    "SparseAutoencoder": autoencoder(models.SparseAutoencoder),
    "DenoisingAutoencoder": autoencoder(models.DenoisingAutoencoder),
    "VAE": small_vae,
    "IWAE": lambda **options: small_vae(model=models.IWAE, **({"samples": 2} | options)),
    "ConditionalVAE": conditional,
    "Autoencoder": lambda **options: small_autoencoder(),
    "HierarchicalVAE": lambda **options: small_hierarchical("bottom-up", **options),
    "VQVAE": small_vqvae,
    "Diffusion": small_diffusion,
    "LadderVAE": lambda **options: small_hierarchical("ladder", **options),
}
OF_MODELS = {
    "SparseAutoencoder": {"sparsity": 0.1},
    "DenoisingAutoencoder": {"noise_std": 0.1},
    "VAE": {"beta": 1.0, "reconstruction_weight": 1.0, "samples": 1},
    "IWAE": {"samples": 2},
    "ConditionalVAE": {"classes": 3},
    "HierarchicalVAE": {"beta": 1.0, "free_bits": 0.1},
    "VQVAE": {"commitment": 0.25},
    "Diffusion": {"steps": 4, "variance": 0.01, "lowest_log_snr": -6.0},
    "LadderVAE": {"beta": 1.0, "free_bits": 0.1},
}


def trained(make):
    model = make()
    model.forward(IMAGES, model.draw_noise(6, np.random.default_rng(0)), **conditions(model))
    return model


def conditions(model):
    return {"labels": LABELS} if model.classes else {}


def methods(model):
    labels = LABELS if model.classes else None
    q = model.encode_distribution(IMAGES, **conditions(model))
    z, rng = q[0].copy(), np.random.default_rng(0)
    noise = model.draw_noise(6, rng)
    return {
        "fit": {
            "images": IMAGES,
            "y": labels,
            "test_images": IMAGES[:2],
            "seed": 0,
            "epochs": 1,
            "test_labels": None if labels is None else labels[:2],
            "batch_size": 3,
            "warm_start": True,
            "progress": False,
            "learning_rate": 1e-3,
            "schedule": "cosine",
        },
        "encode": {"images": IMAGES, "labels": labels},
        "decode": {"z": z, "labels": labels},
        "reconstruct": {"images": IMAGES, "labels": labels},
        "sample": {"count": 6, "labels": labels, "seed": 1, "pixel_noise": True},
        "evaluate": {"images": IMAGES, "labels": labels, "seed": 0},
        "score": {"images": IMAGES, "y": labels},
        "transform": {"images": IMAGES, "y": labels},
        "inverse_transform": {"z": z, "y": labels},
        "fit_transform": {"images": IMAGES, "y": labels, "epochs": 1},
        "get_params": {"deep": True},
        "set_params": {"epochs": 2, "optimiser": "sgd"},
        "as_images": {"images": IMAGES, "name": "images", "scored": True},
        "as_labels": {"labels": labels, "count": 6},
        "state": {},
        "load_state": {"state": model.state()},
        "zero_grad": {},
        "begin": {"images": IMAGES},
        "corrupt": {"images": IMAGES, "seed": 0},
        "draw_noise": {"count": 6, "rng": rng},
        "draw_latents": {"count": 6, "rng": rng},
        "backward": {},
        "encode_distribution": {"x": IMAGES, "training": True, **conditions(model)},
        "decode_parameters": {"z": z, "training": True, **conditions(model)},
        "encode_backward": {"d_mean": z, "d_log_variance": z},
        "decode_backward": {"d_decoded": normal(6 * getattr(model, "samples", 1), *IMAGE_SHAPE)},
        "quantise": {"encoded": normal(6, 6)},
        "code_logits": {"codes": np.abs(np.rint(z)), "training": True},
        "code_vectors": {"z": z},
        "log_snr": {"t": STEPS},
        "signal_and_noise": {"t": STEPS},
        "guess_noise": {"z": normal(6, 15), "t": STEPS, "training": True},
        "step_back": {"z": normal(6, 15), "t": 3},
        "layer_means": {"x": IMAGES},
        "mean_layer_kls": {"images": IMAGES, "seed": 0},
        "log_weights": {"x": IMAGES, "eps": noise},
        "log_weights_under": {"x": IMAGES, "eps": noise, "mean": q[0], "log_variance": q[1]},
        **({"elbo": {"images": IMAGES, "labels": labels, "seed": 0}} if model.has_prior else {}),
    }


def forward_of(model):
    return lambda x, noise, training: model.forward(x, noise, training, **conditions(model))


for _name, _make in MODELS.items():
    add(f"models.{_name}", valued(_make), **OF_MODELS.get(_name, {}))
    _model = trained(_make)
    for _method, _arguments in methods(_model).items():
        if _method.startswith("fit") and _name not in ("VAE", "ConditionalVAE"):
            continue  # the same code, and the longest calls
        if hasattr(_model, _method) and not (_model.classes and "log_weights" in _method):
            add(
                f"models.{_name}.{_method}",
                lambda make=_make, method=_method: getattr(trained(make), method),
                **_arguments,
            )
    _noise = _model.draw_noise(6, np.random.default_rng(0))
    add(
        f"models.{_name}.forward",
        lambda make=_make: forward_of(make()),
        x=IMAGES,
        noise=_noise,
        training=True,
    )


def assembled(kind):
    def call(**arguments):
        return kind(**arguments).fit(IMAGES, epochs=1)

    return lambda: call


_encoder, _decoder = small_parts()
for _name in ("VAE", "IWAE"):
    add(
        f"models.{_name}, assembled",
        assembled(getattr(models, _name)),
        encoder=_encoder,
        decoder=_decoder,
        likelihood=BernoulliLikelihood(),
        image_shape=IMAGE_SHAPE,
        latent_dim=2,
        settings=Settings(),
        **({"variance_head": layers.Tanh()} if _name == "VAE" else {}),
    )
add("models.build", valued(models.build), name="zhao-mlp", latent_dim=2, seed=0, hidden=3, beta=1.0)
add("models.find_recipe", valued(models.find_recipe), name="zhao-mlp")
