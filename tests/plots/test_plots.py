"""The pictures show the numbers and images that they say, dot by dot."""

import numpy as np
import pytest
from helpers import latents_of, refused
from PIL import Image
from small_runs import small_dataset

from scratchvae import plots
from scratchvae.models import RECIPES, build
from scratchvae.plots.captions import draws_from, kl_meaning
from scratchvae.training import EpochMetrics, LossTerms

IMAGES = small_dataset(train=1, test=40).test_images
LABELS = small_dataset(train=1, test=40).test_labels


def model_of(recipe="pytorch-example", latent_dim=2):
    return build(recipe, latent_dim=latents_of(recipe, latent_dim))


def saved(figure, path):
    """Save a figure, and return the picture in the file as numbers from 0 to 1."""
    plots.save_figure(figure, path)
    return np.asarray(Image.open(path)) / 255


def shown(figure, path, dots, rows, columns, gap, side=28):
    """Return the tiles (rows, columns, side, side) that a saved grid of images shows."""
    picture = saved(figure, path)
    height, width = rows * (side + gap) + gap, columns * (side + gap) + gap
    assert picture.ndim == 2  # grey
    left = round(figure.axes[0].get_position().x0 * picture.shape[1])
    page = picture[-height * dots :, left : left + width * dots]
    # Every pixel of an image is a square of dots of one value: nothing is blurred.
    blocks = page.reshape(height, dots, width, dots)
    assert (blocks == blocks[:, :1, :, :1]).all()
    tiles = blocks[gap:, 0, gap:, 0].reshape(rows, side + gap, columns, side + gap)
    return tiles.transpose(0, 2, 1, 3)[:, :, :side, :side]


def agree(tiles, images):
    expected = np.clip(images, 0, 1).reshape(tiles.shape)
    assert np.abs(tiles - expected).max() <= 0.51 / 255


def test_draw_samples_shows_what_the_model_decodes(tmp_path):
    model = model_of()
    tiles = shown(plots.draw_samples(model, seed=3), tmp_path / "p.png", 3, 10, 10, 2)
    agree(tiles, model.sample(100, seed=3))
    other = shown(plots.draw_samples(model, seed=4), tmp_path / "p.png", 3, 10, 10, 2)
    assert (tiles != other).any()


@pytest.mark.parametrize("as_floats", [False, True])
def test_draw_reconstructions_has_originals_above(tmp_path, as_floats):
    model = model_of()
    images = IMAGES / 255 if as_floats else IMAGES
    tiles = shown(plots.draw_reconstructions(model, images), tmp_path / "p.png", 3, 6, 10, 2)
    agree(tiles[0::2], IMAGES[:30] / 255)
    agree(tiles[1::2], model.reconstruct(IMAGES[:30] / np.float32(255)))


@pytest.mark.parametrize("count", [1, 7, 10, 13])
def test_draw_reconstructions_of_few_images_has_originals_above(tmp_path, count):
    model = model_of()
    columns, pairs = min(count, 10), -(-count // 10)
    figure = plots.draw_reconstructions(model, IMAGES[:count])
    tiles = shown(figure, tmp_path / "p.png", 3, 2 * pairs, columns, 2)
    rebuilt = model.reconstruct(IMAGES[:count] / np.float32(255))
    for place in range(count):
        row, column = place // 10 * 2, place % 10
        agree(tiles[row, column], IMAGES[place] / 255)
        agree(tiles[row + 1, column], rebuilt[place])


def test_draw_reconstructions_clips_values(tmp_path):
    model = model_of("linear-autoencoder", latent_dim=3)
    for parameter in model.parameters.values():
        parameter.value *= 9
    rebuilt = model.reconstruct(IMAGES[:30] / np.float32(255))
    assert rebuilt.min() < 0
    assert rebuilt.max() > 1
    tiles = shown(plots.draw_reconstructions(model, IMAGES), tmp_path / "p.png", 3, 6, 10, 2)
    agree(tiles[1::2], rebuilt)


def test_draw_manifold_shows_the_plane_with_the_second_latent_upwards(tmp_path):
    model = model_of()
    tiles = shown(plots.draw_manifold(model), tmp_path / "p.png", 2, 20, 20, 0)
    edge = 1.9599640  # the 2.5 % and 97.5 % quantiles of N(0, 1)
    corners = [[-edge, edge], [edge, edge], [-edge, -edge], [edge, -edge]]
    agree(tiles[[0, 0, -1, -1], [0, -1, 0, -1]], model.decode(np.array(corners)))


def title_of(figure):
    return figure.texts[-1].get_text().replace("\n", " ")


def test_draw_manifold_has_the_latents_values_at_its_edges():
    texts = [text.get_text() for text in plots.draw_manifold(model_of(), steps=3).texts]
    assert texts[:-1] == ["0.97", "0.00", "−0.97", "−0.97", "0.00", "0.97"]
    assert "the first to the right and the second upwards" in texts[-1].replace("\n", " ")


def test_draw_manifold_leaves_out_values_for_which_there_is_no_room():
    model = build("zhao-mlp", latent_dim=2, image_shape=(4, 4, 1))
    texts = [text.get_text() for text in plots.draw_manifold(model).texts[:-1]]
    # Twenty rows of 8 dots: every third has a value; of columns, every sixth.
    assert [bool(text) for text in texts[:20]] == [place % 3 == 0 for place in range(20)]
    assert [bool(text) for text in texts[20:]] == [place % 6 == 0 for place in range(20)]


@pytest.mark.parametrize("recipe", ["pytorch-example", "iwae", "conditional-vae", "autoencoder"])
def test_titles_say_which_prior_is_drawn_from(recipe):
    for latents, words in ((2, "2 dimensions"), (1, "1 dimension")):
        title = title_of(plots.draw_samples(model_of(recipe, latents), rows=1))
        assert title == f"Samples: decoded from N(0, I) in {words}"
    title = title_of(plots.draw_manifold(model_of(recipe), steps=2))
    assert ("no prior" in title) == (recipe == "autoencoder")


@pytest.mark.parametrize("inference", ["bottom-up", "ladder"])
def test_titles_of_hierarchical_models_say_what_the_lower_layer_is_drawn_from(inference):
    model = build("hierarchical-vae", latent_dim=2, upper_dim=3, inference=inference)
    title = title_of(plots.draw_samples(model))
    assert title == "Samples: decoded from z₁ of p(z₁ | z₂), z₂ of N(0, I) in 3 dimensions"
    assert title.endswith(draws_from(model))
    assert "though z₁ is drawn from p(z₁ | z₂)" in title_of(plots.draw_manifold(model, steps=2))


def test_draw_manifold_of_a_conditional_model_has_a_plane_for_each_class(tmp_path):
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


def test_draw_manifold_refuses_other_than_two_latents():
    for latent_dim in (1, 3):
        with refused("two latents", f"has {latent_dim}", "`latent_dim=2`"):
            plots.draw_manifold(model_of(latent_dim=latent_dim))


def test_draw_interpolation_goes_from_one_reconstruction_to_another(tmp_path):
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
    with refused("at least two images, not 1"):
        plots.draw_interpolation(model, IMAGES[:1])


def test_draw_latent_and_reconstructions_refuse_no_images():
    with refused("at least one image"):
        plots.draw_latent(model_of(), IMAGES[:0], LABELS[:0])
    with refused("at least one image"):
        plots.draw_reconstructions(model_of(), IMAGES[:0])


@pytest.mark.parametrize("epochs", [0, 1, 4])
@pytest.mark.parametrize("tested", [True, False])
def test_draw_loss_by_epoch(tmp_path, epochs, tested):
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
    for axes, term in zip(figure.axes, ("loss", "reconstruction", "kl"), strict=True):
        lines = [list(line.get_ydata()) for line in axes.lines]
        expected = [[getattr(row.train, term) for row in history]]
        if tested and epochs:
            expected.append([getattr(row.test, term) for row in history])
        assert lines == expected
        low, high = axes.get_xlim()
        ticks = [tick for tick in axes.get_xticks() if low <= tick <= high]
        assert all(tick == round(tick) for tick in ticks) or not epochs
        assert ticks


def test_draw_rows_has_each_name_inside_the_picture_beside_its_images(tmp_path):
    dark, bright = np.zeros((24, 28, 28, 1)), np.ones((21, 28, 28, 1))
    for name in ("VAE", "a name that is so long that it needs a wide margin"):
        figure = plots.draw_rows("A title", [(name, dark), ("W" * 5, bright)], lines=2)
        picture = saved(figure, tmp_path / "rows.png")
        height, width = (4 * 30 + 2) * 2, (12 * 30 + 2) * 2
        assert picture.shape[0] == height + 36
        names, images = picture[36:, :-width], picture[36:, -width:]
        assert (names[:, :3] == 1).all()  # nothing is cut off at the left
        for half, value in ((slice(0, height // 2), 0), (slice(height // 2, None), 1)):
            written = np.flatnonzero((names[half] < 1).any(axis=1))
            assert abs(written.mean() - height / 4) < 10  # in the middle of its two lines
            assert (images[half] == value).any()
            assert not (images[half] == 1 - value).any()
        # Of the three images that are missing there is only paper.
        missing = images[-58:, -(3 * 30 + 2) * 2 :]
        assert (missing == missing[0, 0]).all()


@pytest.mark.parametrize("recipe", RECIPES)
def test_kl_meaning_says_whether_there_is_a_prior_and_every_terminal_can_show_it(recipe):
    model = model_of(recipe)
    meaning = kl_meaning(model)
    assert meaning.isascii()
    assert meaning.startswith("none") != model.has_prior
    assert ("class" in meaning) == bool(model.classes)


def test_lines_bars_spreads_and_scatters_show_their_numbers():
    lines = [("first", [3.0, 2.0, 1.5]), ("second", [4.0])]
    (axes,) = plots.draw_lines("Lines", lines, "nats").axes
    assert [list(line.get_ydata()) for line in axes.lines] == [values for _, values in lines]
    assert [list(line.get_xdata()) for line in axes.lines] == [[1, 2, 3], [1]]
    (axes,) = plots.draw_bars("Bars", ["a", "b"], [("one", [1.0, 2.0]), ("two", [3.0, 4.0])]).axes
    assert [bar.get_height() for bar in axes.patches] == [1.0, 2.0, 3.0, 4.0]
    assert len({round(bar.get_x(), 6) for bar in axes.patches}) == 4  # none hides another
    spreads = [("gap", [[1.0, 3.0], [5.0]])]
    (axes,) = plots.draw_spreads("Spreads", ["1", "4"], spreads, xlabel="β").axes
    assert [list(line.get_ydata()) for line in axes.lines] == [[2.0, 5.0], [1.0, 3.0], [5.0]]
    points = np.array([[1.0, 2.0], [3.0, 4.0]])
    panels = [("left", points), ("right", -points)]
    figure = plots.draw_scatters("Scatters", panels, np.array([3, 5]))
    for axes, (name, expected) in zip(figure.axes, panels, strict=True):
        assert axes.get_title() == name
        np.testing.assert_array_equal(axes.collections[0].get_offsets(), expected)
    left, right = figure.axes
    assert (left.get_xlim(), left.get_ylim()) == (right.get_xlim(), right.get_ylim())
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["3", "5"]
