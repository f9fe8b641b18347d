"""Figures: the files that they are saved in, and how long they live."""

import base64
import gc
import io
import re
import subprocess
import sys
from weakref import ref

import matplotlib
import numpy as np
import pytest
from helpers import refused
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image
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


@pytest.mark.parametrize(("suffix", "magic"), [("svg", b"<?xml"), ("PDF", b"%PDF")])
def test_vector_pictures_have_the_same_bytes_for_the_same_picture(tmp_path, suffix, magic):
    images = np.random.default_rng(0).random((6, 4, 4, 1))
    salt = matplotlib.rcParams["svg.hashsalt"]
    for name in ("first", "second"):
        plots.save_figure(plots.draw_grid(images, 3, "A title"), tmp_path / f"{name}.{suffix}")
    first, second = ((tmp_path / f"{name}.{suffix}").read_bytes() for name in ("first", "second"))
    assert first.startswith(magic)
    assert first == second
    assert b"CreationDate" not in first  # which is the same within a second
    assert b"dc:date" not in first
    assert matplotlib.rcParams["svg.hashsalt"] == salt


def test_the_images_of_an_svg_are_their_own_pixels(tmp_path):
    images = np.random.default_rng(0).random((1, 5, 7, 1))
    plots.save_figure(plots.draw_grid(images, 1, "t", gap=0), tmp_path / "p.svg")
    text = (tmp_path / "p.svg").read_text()
    assert "pixelated" in text  # a browser that enlarges them does not blur them
    inner = re.search(r"data:image/png;base64,\s*([^\"]+)", text)[1]
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(inner))).convert("L"))
    expected = np.rint(images[0, :, :, 0] * 255)
    assert any((picture == turned).all() for turned in (expected, expected[::-1]))


@pytest.mark.parametrize("side", [4, 8, 28, 64])
def test_a_title_is_never_wider_than_its_picture(side):
    title = "Decoded from the plane of two latents, by quantiles of N(0, 1)"
    for columns in (1, 4, 10):
        figure = plots.draw_grid(np.zeros((columns, side, side, 1)), columns, title)
        renderer = FigureCanvasAgg(figure).get_renderer()
        (text,) = figure.texts
        box, page = text.get_window_extent(renderer), figure.bbox
        assert text.get_text().replace("\n", " ") == title
        assert 0 <= box.x0 < box.x1 <= page.width
        grid = figure.axes[0].get_window_extent(renderer)
        assert grid.y1 < box.y0 < box.y1 <= page.height
        # However long the title, the grid is of whole dots, and where it was.
        assert (round(grid.width), grid.x0, grid.y0) == ((columns * (side + 2) + 2) * 3, 0, 0)


def luminance(colour):
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_ten_classes_have_ten_colours():
    colours = figures.class_colours(np.arange(10))
    assert len(set(colours)) == 10
    assert figures.class_colours(np.array([10, 3])) == [colours[0], colours[3]]
    assert max(map(luminance, colours)) - min(map(luminance, colours)) > 100  # in grey as well


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


def test_save_figure_refuses_a_name_of_no_known_ending(tmp_path):
    with refused("must end in .png or .svg or .pdf, not 'loss.jpg'"):
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
