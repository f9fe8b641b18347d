"""The plane of latents shows the means of the images, with their classes."""

import numpy as np
import pytest
from helpers import latents_of, refused
from PIL import Image
from small_runs import small_dataset

from scratchvae import plots
from scratchvae.models import build

IMAGES = small_dataset(train=1, test=40).test_images
LABELS = small_dataset(train=1, test=40).test_labels


def model_of(recipe="pytorch-example", latent_dim=2):
    return build(recipe, latent_dim=latents_of(recipe, latent_dim))


def test_draw_latent_writes_each_class_where_its_middle_is():
    figure = plots.draw_latent(model_of(), IMAGES, LABELS)
    means = model_of().encode(IMAGES)
    written = {text.get_text(): text.get_position() for text in figure.axes[0].texts}
    assert set(written) == {str(label) for label in np.unique(LABELS)}
    for label in np.unique(LABELS):
        middle = np.median(means[label == LABELS], axis=0)
        np.testing.assert_allclose(written[str(label)], middle, rtol=1e-5)


@pytest.mark.parametrize("latent_dim", [1, 2, 5])
def test_draw_latent_needs_no_labels(latent_dim):
    figure = plots.draw_latent(model_of(latent_dim=latent_dim), IMAGES)
    (axes,) = figure.axes
    assert axes.get_legend() is None
    assert not axes.texts
    assert len(axes.collections[0].get_offsets()) == len(IMAGES)
    with refused("label"):
        plots.draw_latent(model_of("conditional-vae"), IMAGES)


@pytest.mark.parametrize("latent_dim", [1, 2, 3, 5])
@pytest.mark.parametrize("count", [1, 2, 40])
def test_draw_latent_for_every_number_of_latents(tmp_path, latent_dim, count):
    model = model_of(latent_dim=latent_dim)
    figure = plots.draw_latent(model, IMAGES[:count], LABELS[:count])
    plots.save_figure(figure, tmp_path / "p.png")
    with Image.open(tmp_path / "p.png") as picture:
        assert picture.size == (680, 600)
    (axes,) = figure.axes
    assert f"{count:,} test images" in axes.get_title(loc="left")
    points = np.asarray(axes.collections[0].get_offsets())
    assert points.shape == (count, 2)
    means = model.encode(IMAGES[:count])
    if latent_dim == 1:
        np.testing.assert_allclose(points[:, 0], means[:, 0], rtol=1e-5)
        assert (np.round(points[:, 1]) == LABELS[:count]).all()
    elif latent_dim == 2:
        np.testing.assert_allclose(points, means, rtol=1e-5)
    classes = [text.get_text() for text in axes.get_legend().get_texts()]
    assert classes == [str(label) for label in np.unique(LABELS[:count])]


def test_draw_latent_shows_many_latents_in_the_plane_of_most_variance():
    model = model_of(latent_dim=5)
    axes = plots.draw_latent(model, IMAGES, LABELS).axes[0]
    means = model.encode(IMAGES).astype(np.float64)
    spread = np.linalg.svd(means - means.mean(axis=0), compute_uv=False)
    points = np.asarray(axes.collections[0].get_offsets())
    np.testing.assert_allclose(np.linalg.norm(points, axis=0), spread[:2], rtol=1e-3)
    share = spread[0] ** 2 / (spread**2).sum()
    assert f"({share:.0%} of the variance)" in axes.get_xlabel()
