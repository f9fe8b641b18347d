import subprocess
import sys

import numpy as np
import pytest
from helpers import refused
from PIL import Image
from small_runs import names_in, small_dataset

from scratchvae import plots
from scratchvae.models import build
from scratchvae.plots.side_by_side import save_rows
from scratchvae.training import EpochMetrics, LossTerms

IMAGES = small_dataset(train=1, test=40).test_images
LABELS = small_dataset(train=1, test=40).test_labels


def model_of(recipe="pytorch-example", latent_dim=2):
    return build(recipe, latent_dim=latent_dim)


def saved(figure, path):
    """Save a figure, and return the picture in the file as numbers from 0 to 1."""
    plots.save_figure(figure, path)
    return np.asarray(Image.open(path)) / 255


def shown(figure, path, dots, rows, columns, gap, side=28):
    """Return the tiles (rows, columns, side, side) that a saved grid of images shows."""
    picture = saved(figure, path)
    height, width = rows * (side + gap) + gap, columns * (side + gap) + gap
    assert picture.shape == (height * dots + 36, width * dots)  # grey: no third axis
    page = picture[36:]
    # Every pixel of an image is a square of dots of one value: nothing is blurred.
    blocks = page.reshape(height, dots, width, dots)
    assert (blocks == blocks[:, :1, :, :1]).all()
    tiles = blocks[gap:, 0, gap:, 0].reshape(rows, side + gap, columns, side + gap)
    return tiles.transpose(0, 2, 1, 3)[:, :, :side, :side]


def agree(tiles, images):
    expected = np.clip(images, 0, 1).reshape(tiles.shape)
    assert np.abs(tiles - expected).max() <= 0.51 / 255


def test_a_mosaic_lays_images_out_row_by_row():
    images = np.arange(5).reshape(5, 1, 1, 1) / 10 * np.ones((5, 2, 3, 1))
    page = plots.mosaic(images, columns=3, gap=1)
    assert page.shape == (2 * 3 + 1, 3 * 4 + 1, 1)
    for place in range(5):
        top, left = 1 + place // 3 * 3, 1 + place % 3 * 4
        np.testing.assert_allclose(page[top : top + 2, left : left + 3], place / 10, atol=1e-7)
    # Between the images, and where the sixth would be, there is paper.
    paper = page[0, 0, 0]
    assert (page[:, [0, 4, 8, 12]] == paper).all()
    assert (page[[0, 3, 6]] == paper).all()
    assert (page[4:6, 9:12] == paper).all()


def test_a_mosaic_cuts_values_as_a_screen_does():
    images = np.array([-3.0, 0.25, 7.0]).reshape(3, 1, 1, 1)
    np.testing.assert_allclose(plots.mosaic(images, 3, gap=0).ravel(), [0, 0.25, 1])


def test_a_mosaic_keeps_colours():
    images = np.random.default_rng(0).random((4, 2, 2, 3))
    page = plots.mosaic(images, 2, gap=0)
    np.testing.assert_allclose(page[:2, 2:], images[1], atol=1e-6)


def test_samples_are_what_the_model_decodes(tmp_path):
    model = model_of()
    tiles = shown(plots.draw_samples(model, seed=3), tmp_path / "p.png", 3, 10, 10, 2)
    agree(tiles, model.sample(100, seed=3))
    other = shown(plots.draw_samples(model, seed=4), tmp_path / "p.png", 3, 10, 10, 2)
    assert (tiles != other).any()


@pytest.mark.parametrize("as_floats", [False, True])
def test_originals_are_above_their_reconstructions(tmp_path, as_floats):
    model = model_of()
    images = IMAGES / 255 if as_floats else IMAGES
    tiles = shown(plots.draw_reconstructions(model, images), tmp_path / "p.png", 3, 6, 10, 2)
    agree(tiles[0::2], IMAGES[:30] / 255)
    agree(tiles[1::2], model.reconstruct(IMAGES[:30] / np.float32(255)))


@pytest.mark.parametrize("count", [1, 7, 10, 13])
def test_few_images_stay_above_their_reconstructions(tmp_path, count):
    model = model_of()
    columns, pairs = min(count, 10), -(-count // 10)
    figure = plots.draw_reconstructions(model, IMAGES[:count])
    tiles = shown(figure, tmp_path / "p.png", 3, 2 * pairs, columns, 2)
    rebuilt = model.reconstruct(IMAGES[:count] / np.float32(255))
    for place in range(count):
        row, column = place // 10 * 2, place % 10
        agree(tiles[row, column], IMAGES[place] / 255)
        agree(tiles[row + 1, column], rebuilt[place])


def test_values_outside_black_and_white_are_cut(tmp_path):
    model = model_of("linear-autoencoder", latent_dim=3)
    for parameter in model.parameters.values():
        parameter.value *= 9
    rebuilt = model.reconstruct(IMAGES[:30] / np.float32(255))
    assert rebuilt.min() < 0
    assert rebuilt.max() > 1
    tiles = shown(plots.draw_reconstructions(model, IMAGES), tmp_path / "p.png", 3, 6, 10, 2)
    agree(tiles[1::2], rebuilt)


def test_the_manifold_shows_the_plane_with_the_second_latent_upwards(tmp_path):
    model = model_of()
    tiles = shown(plots.draw_manifold(model), tmp_path / "p.png", 2, 20, 20, 0)
    edge = 1.9599640  # the 2.5 % and 97.5 % quantiles of N(0, 1)
    corners = [[-edge, edge], [edge, edge], [-edge, -edge], [edge, -edge]]
    agree(tiles[[0, 0, -1, -1], [0, -1, 0, -1]], model.decode(np.array(corners)))


def title_of(figure):
    (text,) = figure.texts
    return text.get_text()


@pytest.mark.parametrize("recipe", ["pytorch-example", "iwae", "conditional-vae", "autoencoder"])
def test_titles_say_n_0_i_where_that_is_what_is_decoded(recipe):
    for latents, words in ((2, "2 dimensions"), (1, "1 dimension")):
        title = title_of(plots.draw_samples(model_of(recipe, latents), rows=1))
        assert title == f"Samples: decoded from N(0, I) in {words}"
    title = title_of(plots.draw_manifold(model_of(recipe), steps=2))
    assert ("no prior" in title) == (recipe == "autoencoder")


@pytest.mark.parametrize("inference", ["bottom-up", "ladder"])
def test_titles_of_two_layers_say_what_the_lower_is_drawn_from(inference):
    model = build("hierarchical-vae", latent_dim=2, upper_dim=3, inference=inference)
    title = title_of(plots.draw_samples(model))
    assert title == "Samples: decoded from z₁ of p(z₁ | z₂), z₂ of N(0, I) in 3 dimensions"
    assert "though z₁ is drawn from p(z₁ | z₂)" in title_of(plots.draw_manifold(model, steps=2))


def test_a_model_that_is_told_the_class_has_a_plane_for_each(tmp_path):
    model = model_of("conditional-vae")
    for name, parameter in model.parameters.items():
        if name.startswith("decoder") and name.endswith("weight"):
            parameter.value *= 5  # for the classes to differ by more than a shade
    figure = plots.draw_manifold(model, steps=3)
    planes = shown(figure, tmp_path / "p.png", 1, 2, 5, 6, side=3 * 28)
    assert "a plane for each class, 0 to 9" in title_of(figure)
    edge = 0.96742157  # the 1/6 and 5/6 quantiles of N(0, 1)
    corners = np.array([[-edge, edge], [edge, edge], [-edge, -edge], [edge, -edge]])
    for label, plane in enumerate(planes.reshape(10, 3, 28, 3, 28)):
        images = plane.transpose(0, 2, 1, 3)[[0, 0, -1, -1], [0, -1, 0, -1]]
        agree(images, model.decode(corners, np.full(4, label)))
    assert np.abs(planes[0, 0] - planes[1, 1]).max() > 0.1


def test_a_manifold_of_other_than_two_latents_is_refused():
    for latent_dim in (1, 3):
        with refused("two latents", f"has {latent_dim}", "--latent-dim 2"):
            plots.draw_manifold(model_of(latent_dim=latent_dim))


def test_an_interpolation_goes_from_one_reconstruction_to_another(tmp_path):
    model = model_of(latent_dim=5)
    figure = plots.draw_interpolation(model, IMAGES[:2], seed=1)
    tiles = shown(figure, tmp_path / "p.png", 3, 8, 10, 2)
    ends = model.decode(model.encode(IMAGES[:2]))
    z = model.encode(IMAGES[:2]).mean(axis=0, keepdims=True)
    for row in tiles:
        forth = np.abs(row[0] - ends[0][..., 0]).max() <= 0.51 / 255
        agree(row[[0, -1]], ends if forth else ends[::-1])
        middle = model.decode(z)[0, ..., 0]
        assert np.abs((row[4] + row[5]) / 2 - middle).max() < 0.02
    with refused("two images or more, not 1"):
        plots.draw_interpolation(model, IMAGES[:1])


@pytest.mark.parametrize("latent_dim", [1, 2, 3, 5])
@pytest.mark.parametrize("count", [1, 2, 40])
def test_latents_are_drawn_for_every_number_of_them(tmp_path, latent_dim, count):
    model = model_of(latent_dim=latent_dim)
    figure = plots.draw_latent(model, IMAGES[:count], LABELS[:count])
    assert saved(figure, tmp_path / "p.png").shape == (600, 680, 3)
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


def test_many_latents_are_drawn_in_the_plane_of_most_variance():
    model = model_of(latent_dim=5)
    axes = plots.draw_latent(model, IMAGES, LABELS).axes[0]
    means = model.encode(IMAGES).astype(np.float64)
    spread = np.linalg.svd(means - means.mean(axis=0), compute_uv=False)
    points = np.asarray(axes.collections[0].get_offsets())
    np.testing.assert_allclose(np.linalg.norm(points, axis=0), spread[:2], rtol=1e-3)
    share = spread[0] ** 2 / (spread**2).sum()
    assert f"({share:.0%} of the variance)" in axes.get_xlabel()


def test_pictures_of_no_images_are_refused():
    with refused("at least one image"):
        plots.draw_latent(model_of(), IMAGES[:0], LABELS[:0])
    with refused("at least one image"):
        plots.draw_reconstructions(model_of(), IMAGES[:0])


@pytest.mark.parametrize("epochs", [0, 1, 4])
@pytest.mark.parametrize("tested", [True, False])
def test_the_losses_are_drawn_by_epoch(tmp_path, epochs, tested):
    history = [
        EpochMetrics(
            epoch,
            LossTerms(9.0 / epoch, 8.0 / epoch, 1.0 / epoch),
            LossTerms(7.0 / epoch, 5.0 / epoch, 2.0 / epoch) if tested else None,
            1.0,
        )
        for epoch in range(1, epochs + 1)
    ]
    figure = plots.draw_loss(history)
    assert saved(figure, tmp_path / "p.png").shape == (340, 1050, 3)
    for axes, part in zip(figure.axes, ("loss", "reconstruction", "kl"), strict=True):
        lines = [list(line.get_ydata()) for line in axes.lines]
        expected = [[getattr(row.train, part) for row in history]]
        if tested and epochs:
            expected.append([getattr(row.test, part) for row in history])
        assert lines == expected
        low, high = axes.get_xlim()
        ticks = [tick for tick in axes.get_xticks() if low <= tick <= high]
        assert all(tick == round(tick) for tick in ticks) or not epochs
        assert ticks


def test_the_same_picture_gives_the_same_bytes(tmp_path):
    for name in ("first.png", "second.png"):
        plots.save_figure(plots.draw_latent(model_of(), IMAGES, LABELS), tmp_path / name)
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()
    assert names_in(tmp_path) == {"first.png", "second.png"}


def test_an_unwritable_picture_is_refused(tmp_path):
    with refused("cannot write", "missing/p.png"):
        plots.save_figure(plots.draw_loss([]), tmp_path / "missing" / "p.png")


def test_no_figure_is_left_in_pyplot_which_is_not_even_loaded():
    code = (
        "import sys\n"
        "from scratchvae import build, plots\n"
        "assert 'matplotlib' not in sys.modules, 'import scratchvae.plots.model loads matplotlib'\n"
        "plots.draw_samples(build('pytorch-example'))\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_names_beside_rows_of_images_are_inside_the_picture(tmp_path):
    images = np.zeros((24, 28, 28, 1))
    for name in ("VAE", "learned, its mean alone"):
        path = save_rows(tmp_path / "rows.png", "A title", [(name, images)] * 2, lines=2)
        with Image.open(path) as picture:
            columns = (np.asarray(picture.convert("L")) == 255).all(axis=0)
        assert columns[:3].all()
        assert not columns[:60].all()
