"""The pictures of known factors: each latent's row, and each share's shade."""

import numpy as np
import pytest
from helpers import refused
from scipy.stats import norm
from small_runs import small_dataset

from scratchvae import build, plots
from scratchvae.evaluation import FactorInformation
from scratchvae.plots import draw_factor_shares, draw_factor_traversal, draw_traversal

DATA = small_dataset(train=1, test=3)
IMAGE = DATA.test_images[:1]
SIDE, GAP = 28, 2
TONE = 0.51 / 255  # half of the step between two of 256 tones


def information_of(kls=(0.2, 3.0, 1.0)):
    """Return made-up information on three factors of entropy 1, 2 and 2 nats."""
    information = np.array([[0.1, 0.0, 0.6], [0.0, 0.8, 1.0], [0.5, 0.2, 0.0]])
    return FactorInformation(
        ("digit", "slant", "width"), information, np.array([1.0, 2.0, 2.0]), np.array(kls)
    )


def tiles(figure, rows, columns):
    """Return the images that a traversal shows, (rows, columns, 28, 28), from 0 to 1."""
    page = np.asarray(figure.axes[0].images[0].get_array())[..., 0] / 255
    assert page.shape == (rows * (SIDE + GAP) + GAP, columns * (SIDE + GAP) + GAP)
    blocks = page[GAP:, GAP:].reshape(rows, SIDE + GAP, columns, SIDE + GAP)
    return blocks.transpose(0, 2, 1, 3)[:, :, :SIDE, :SIDE]


def texts(figure):
    return [text.get_text() for text in figure.texts]


def test_draw_factor_traversal_moves_one_latent_in_each_row_the_largest_kl_first():
    model = build("pytorch-example", latent_dim=3)
    shown = tiles(draw_factor_traversal(model, IMAGE, information_of(), steps=5), 3, 6)
    np.testing.assert_allclose(shown[0, 0], IMAGE[0, ..., 0] / 255, atol=TONE)
    np.testing.assert_allclose(shown[1, 0], model.reconstruct(IMAGE)[0, ..., 0], atol=TONE)
    assert np.ptp(shown[2, 0]) == 0  # paper
    code = model.encode(IMAGE)
    for row, latent in enumerate((1, 2, 0)):  # KL 3, 1 and 0.2
        z = np.repeat(code, 5, axis=0)
        z[:, latent] = norm.ppf([0.1, 0.3, 0.5, 0.7, 0.9])
        np.testing.assert_allclose(shown[row, 1:], model.decode(z)[..., 0], atol=TONE)
    assert (shown[:, 1] != shown[:, 5]).any(axis=(1, 2)).all()


def test_draw_factor_traversal_names_latent_kl_and_best_factors():
    model = build("pytorch-example", latent_dim=3)
    figure = draw_factor_traversal(model, IMAGE, information_of(), title="A title", steps=2)
    assert texts(figure) == [
        "z2  KL 3.00  slant 40.0%, width 10.0%",
        "z3  KL 1.00  digit 60.0%, slant 50.0%",  # of the entropy: in nats slant would be first
        "z1  KL 0.20  width 25.0%, digit 10.0%",
        "image",
        "25%",
        "75%",
        "A title",
    ]
    heights = [text.get_position()[1] for text in figure.texts[:3]]
    assert heights == sorted(heights, reverse=True)


def test_draw_factor_traversal_of_a_conditional_model_keeps_the_class(tmp_path):
    model = build("conditional-vae", latent_dim=3)
    label = np.array([7])
    shown = tiles(draw_factor_traversal(model, IMAGE, information_of(), label, steps=3), 3, 4)
    z = model.encode(IMAGE, label)
    z[:, 1] = 0
    np.testing.assert_allclose(shown[0, 2], model.decode(z, label)[0, ..., 0], atol=TONE)
    with refused("labels"):
        draw_factor_traversal(model, IMAGE, information_of())


def test_draw_factor_traversal_and_shares_refuse_what_does_not_fit():
    model = build("pytorch-example", latent_dim=3)
    with refused("one image", "not from 2"):
        draw_factor_traversal(model, DATA.test_images[:2], information_of())
    with refused("3 latents", "of 2", "model_information"):
        draw_factor_traversal(model, IMAGE, information_of(kls=(1.0, 2.0)))
    with refused("panels", "at least one"):
        draw_factor_shares([], "Shares")


def test_draw_factor_shares_has_the_largest_kl_first(tmp_path):
    information = information_of()
    figure = draw_factor_shares(
        [("one", information), ("other", information_of((3.0, 2.0, 1.0)))], "Shares"
    )
    first, second = figure.axes[:2]
    np.testing.assert_allclose(first.images[0].get_array(), information.shares[:, [1, 2, 0]])
    np.testing.assert_allclose(second.images[0].get_array(), information.shares)
    assert [tick.get_text() for tick in first.get_xticklabels()] == ["2", "3", "1"]
    assert [tick.get_text() for tick in first.get_yticklabels()] == list(information.names)
    assert first.get_title(loc="left") == f"one: gap {information.score:.3f}"
    # One scale for all, or shades could not be compared.
    for axes in (first, second):
        assert axes.images[0].get_clim() == (0, pytest.approx(0.6))
    plots.save_figure(figure, tmp_path / "shares.png")
    assert (tmp_path / "shares.png").stat().st_size > 1000


def test_a_traversal_of_any_model_moves_the_latents_of_the_largest_kl():
    model = build("pytorch-example", latent_dim=3)
    images = DATA.test_images[:20]
    mean, log_variance = (
        array.astype(np.float64) for array in model.encode_distribution(images / np.float32(255))
    )
    kls = 0.5 * (mean**2 + np.exp(log_variance) - log_variance - 1).mean(axis=0)
    first, second = np.argsort(-kls)[:2]
    figure = draw_traversal(model, images, rows=2, steps=5)
    assert [text.split()[0] for text in texts(figure)[:2]] == [f"z{first + 1}", f"z{second + 1}"]
    z = np.repeat(model.encode(images[:1]), 5, axis=0)
    z[:, second] = norm.ppf([0.1, 0.3, 0.5, 0.7, 0.9])
    np.testing.assert_allclose(tiles(figure, 2, 6)[1, 1:], model.decode(z)[..., 0], atol=TONE)


def test_a_traversal_without_a_standard_prior_stays_among_the_latents_that_there_are():
    model = build("autoencoder", latent_dim=3)
    images = DATA.test_images[:20]
    codes = model.encode(images)
    widest = int(codes.var(axis=0).argmax())
    z = np.repeat(codes[:1], 2, axis=0)
    z[:, widest] = np.quantile(codes[:, widest], [0.25, 0.75])
    shown = tiles(draw_traversal(model, images, rows=1, steps=2), 1, 3)
    np.testing.assert_allclose(shown[0, 1:], model.decode(z)[..., 0].clip(0, 1), atol=TONE)
