"""What the lessons share: sizes for a quick run, digits, sliders and the picture in their place."""

import pytest

from scratchvae import lesson
from scratchvae.errors import InputError


def _draw(**values):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4, 1))
    figure.suptitle(str(values))
    return figure


def test_sizes_follow_the_environment(monkeypatch):
    monkeypatch.setenv("SCRATCHVAE_FAST", "1")
    assert lesson.sized(15, 2) == 2
    monkeypatch.setenv("SCRATCHVAE_FAST", "0")
    assert lesson.sized(15, 2) == 15


def test_digits_say_what_they_are(monkeypatch, capsys):
    monkeypatch.setenv("SCRATCHVAE_LESSON_DATA", "synthetic")
    data = lesson.digits(12, 5)
    assert data.train_images.shape == (12, 28, 28, 1)
    assert data.test_labels.shape == (5,)
    said = "synthetic digits in the place of MNIST: 12 images to train on, 5 to test\n"
    assert capsys.readouterr().out == said


def test_a_picture_stands_in_the_place_of_sliders(monkeypatch, capsys):
    monkeypatch.setenv("SCRATCHVAE_STATIC", "1")
    assert lesson.explore(_draw, describe="A title.", a=(0, 2, 1, 1), b=["x", "y"]) is None


def test_a_slider_redraws_the_picture(monkeypatch, capsys):
    monkeypatch.setenv("SCRATCHVAE_STATIC", "0")
    box = lesson.explore(
        _draw, describe="A title.", a=(0, 2, 1, 1), c=(0, 1, 0.1, 0.5), b=["x", "y"]
    )
    whole, real, choice, image = box.children
    assert (whole.value, real.value, choice.value) == (1, 0.5, "x")
    seen = {bytes(image.value)}
    for control, value in ((whole, 2), (real, 0.7), (choice, "y")):
        control.value = value
        seen.add(bytes(image.value))
    assert len(seen) == 4
    assert all(picture.startswith(b"\x89PNG") for picture in seen)


@pytest.mark.parametrize("slider", [(0, 1), (0, 1, 0.1, 2), [], 3])
def test_a_slider_that_cannot_be_is_named(slider):
    with pytest.raises(InputError, match="slider a must"):
        lesson.explore(_draw, describe="", a=slider)
