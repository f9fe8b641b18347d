"""What the lessons share: sizes for a quick run, digits, and sliders or a picture instead."""

import numpy as np
import pytest
from helpers import refused
from small_runs import small_dataset

from scratchvae.course import display
from scratchvae.errors import InputError


def _draw(**values):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4, 1))
    figure.suptitle(str(values))
    return figure


def test_sized_follows_the_environment(monkeypatch):
    monkeypatch.setenv("SCRATCHVAE_FAST", "1")
    assert display.sized(15, 2) == 2
    monkeypatch.setenv("SCRATCHVAE_FAST", "0")
    assert display.sized(15, 2) == 15


def test_digits_say_what_they_are(monkeypatch, capsys):
    monkeypatch.setenv("SCRATCHVAE_LESSON_DATA", "synthetic")
    data = display.digits(12, 5)
    assert data.train_images.shape == (12, 28, 28, 1)
    assert data.test_labels.shape == (5,)
    said = "synthetic digits in place of MNIST: 12 images to train on, 5 to test\n"
    assert capsys.readouterr().out == said


@pytest.mark.parametrize("sizes", [(9, 6), (6, 9)])
def test_digits_keep_the_first_images_and_their_labels(sizes, monkeypatch):
    monkeypatch.setenv("SCRATCHVAE_LESSON_DATA", "")  # set to nothing is not set
    whole, asked = small_dataset(*sizes), []
    monkeypatch.setattr(display, "load", lambda name, **_: asked.append(name) or whole)
    for train, test in ((None, None), (4, None), (None, 2), (5, 3)):
        data = display.digits(train, test)
        np.testing.assert_array_equal(data.train_images, whole.train_images[:train])
        np.testing.assert_array_equal(data.train_labels, whole.train_labels[:train])
        np.testing.assert_array_equal(data.test_images, whole.test_images[:test])
        np.testing.assert_array_equal(data.test_labels, whole.test_labels[:test])
    assert set(asked) == {"auto"}


@pytest.mark.parametrize("static", ["0", "1"])
def test_explore_shows_the_picture_at_the_start_and_its_description(static, monkeypatch):
    from matplotlib import pyplot

    monkeypatch.setenv("SCRATCHVAE_STATIC", static)
    shown, drawn = [], []
    monkeypatch.setattr("IPython.display.display", lambda what, **more: shown.append((what, more)))

    def draw(**values):
        drawn.append(values)
        return pyplot.figure(figsize=(1, 1))

    before = pyplot.get_fignums()
    display.explore(draw, describe="A bump.", a=(0, 4, 1, 3), b=["x", "y"])
    assert drawn[0] == {"a": 3, "b": "x"}
    assert pyplot.get_fignums() == before  # or Jupyter would show it once more
    (picture, more), (words, _) = shown
    assert "A bump." in words.data
    if static == "1":
        assert more["metadata"] == {"image/png": {"alt": "A bump."}}
        assert picture.data.startswith(b"\x89PNG")


def test_explore_without_jupyter_shows_a_picture_instead_of_sliders(monkeypatch):
    monkeypatch.setenv("SCRATCHVAE_STATIC", "1")
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda what, **_: shown.append(type(what)))
    display.explore(_draw, describe="A title.", a=(0, 2, 1, 1), b=["x", "y"])
    assert [kind.__name__ for kind in shown] == ["Image", "Markdown"]
    monkeypatch.setenv("SCRATCHVAE_STATIC", "0")
    display.explore(_draw, describe="A title.", a=(0, 2, 1, 1), b=["x", "y"])
    assert [kind.__name__ for kind in shown[2:]] == ["VBox", "Markdown"]


def test_a_slider_redraws_the_picture():
    sliders = {"a": (0, 2, 1, 1), "c": (0, 1, 0.1, 0.5), "b": ["x", "y"]}
    box = display.box_of_sliders(_draw, sliders)
    whole, real, choice, image = box.children
    assert (whole.value, real.value, choice.value) == (1, 0.5, "x")
    seen = {bytes(image.value)}
    for control, value in ((whole, 2), (real, 0.7), (choice, "y")):
        control.value = value
        seen.add(bytes(image.value))
    assert len(seen) == 4
    assert all(picture.startswith(b"\x89PNG") for picture in seen)


@pytest.mark.parametrize("slider", [(0, 1), (0, 1, 0.1, 2), (0, 1, 0, 0.5), [], 3])
def test_explore_refuses_an_impossible_slider_by_name(slider):
    with pytest.raises(InputError, match="slider a must"):
        display.explore(_draw, describe="", a=slider)


def test_what_the_display_is_given_is_refused_in_one_line(monkeypatch):
    def none_is_read(*arguments, **options):
        raise AssertionError("refused before any data is read")

    monkeypatch.setattr(display, "load", none_is_read)
    for call, words in (
        (lambda: display.digits("10"), "train"),
        (lambda: display.digits(10, 0), "test"),
        (lambda: display.say(3), "markdown must be text, not int"),
        (lambda: display.explore(None, describe="a line"), "draw must be a function"),
        (lambda: display.box_of_sliders(3, {}), "draw must be a function"),
        (lambda: display.box_of_sliders(lambda: None, {}), "savefig of what draw returns"),
        (lambda: display.box_of_sliders(print, {"a": "x"}), "slider a must be"),
        (lambda: display.box_of_sliders(print, {"a": ("0", 1, 1, 0)}), "slider a must be"),
        (lambda: display.box_of_sliders(print, {"a": (0, 1, 1)}), "slider a must be"),
        (lambda: display.box_of_sliders(print, {"a": []}), "slider a must be"),
    ):
        with refused(words):
            call()
