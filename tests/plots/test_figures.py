"""Figures: the files that they are saved in, and how long they live."""

import gc
import subprocess
import sys
from weakref import ref

import numpy as np
import pytest
from helpers import refused
from small_runs import names_in, small_dataset

from scratchvae import build, plots
from scratchvae.plots import figures

FEW = 4  # figures that may wait for Python's collector


def test_mosaic_lays_images_out_row_by_row():
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


def test_mosaic_clips_values_as_a_screen_does():
    images = np.array([-3.0, 0.25, 7.0]).reshape(3, 1, 1, 1)
    np.testing.assert_allclose(plots.mosaic(images, 3, gap=0).ravel(), [0, 0.25, 1])


def test_mosaic_keeps_colours():
    images = np.random.default_rng(0).random((4, 2, 2, 3))
    page = plots.mosaic(images, 2, gap=0)
    np.testing.assert_allclose(page[:2, 2:], images[1], atol=1e-6)


def test_save_figure_gives_the_same_bytes_for_the_same_picture(tmp_path):
    model, data = build("pytorch-example", latent_dim=2), small_dataset(test=40)
    for name in ("first.png", "second.png"):
        plots.save_figure(
            plots.draw_latent(model, data.test_images, data.test_labels), tmp_path / name
        )
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()
    assert names_in(tmp_path) == {"first.png", "second.png"}


def test_save_figure_refuses_an_unwritable_file(tmp_path):
    with refused("cannot write", "missing/p.png"):
        plots.save_figure(plots.draw_loss([]), tmp_path / "missing" / "p.png")


def test_drawing_does_not_load_pyplot():
    code = (
        "import sys\n"
        "from scratchvae import build, plots\n"
        "assert 'matplotlib' not in sys.modules, 'import scratchvae.plots loads matplotlib'\n"
        "plots.draw_samples(build('pytorch-example'))\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_save_figure_refuses_a_name_that_is_not_png(tmp_path):
    with refused("PNG", ".png", "'loss.jpg'"):
        plots.save_figure(plots.draw_loss([]), tmp_path / "loss.jpg")
    assert names_in(tmp_path) == set()


@pytest.fixture
def none_before(monkeypatch):
    """Forget the figures that other tests have drawn."""
    monkeypatch.setattr(figures, "_alive", figures._Alive())


@pytest.fixture
def collector_at_rest():
    """Have Python's collector look at nothing by itself, as between two of its long rounds."""
    thresholds = gc.get_threshold()
    gc.set_threshold(10**9, 10, 10)
    yield
    gc.set_threshold(*thresholds)


@pytest.mark.usefixtures("none_before", "collector_at_rest")
def test_pictures_that_nobody_has_do_not_pile_up(tmp_path):
    drawn = []
    for _ in range(20):
        figure = plots.draw_rows("A title", [("row", np.zeros((1, 28, 28, 1)))])
        plots.save_figure(figure, tmp_path / "rows.png")
        drawn.append(ref(figure))
        # Beside these few there is the one just drawn, and ``figure`` was the one before it.
        assert sum(each() is not None for each in drawn) <= FEW + 2


@pytest.mark.usefixtures("none_before")
def test_pictures_that_somebody_keeps_are_not_looked_for_each_time(monkeypatch):
    collect, collections = gc.collect, []
    monkeypatch.setattr(gc, "collect", lambda: collections.append(collect()))
    kept = [plots.draw_rows("A title", [("row", np.zeros((1, 28, 28, 1)))]) for _ in range(40)]
    assert 0 < len(collections) <= len(kept) / FEW
