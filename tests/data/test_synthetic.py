"""The synthetic digits: the same from the same seed, and the factors do what they say."""

import os
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from scratchvae.data import ink, synthetic
from scratchvae.data.strokes import ALLOGRAPHS, SAMPLES, stroke_table
from scratchvae.data.synthetic import FACTOR_NAMES, FACTORS, make_synthetic_digits, named_factors
from scratchvae.errors import InputError

PLAIN = {"slant": 0, "rotation": 0, "width": 1, "height": 0.9, "thickness": 2.5}


def traverse(name: str, values: list[float], digit: int) -> NDArray[np.float64]:
    """Return images (len(values), 28, 28) from 0 to 1 of one digit, without style."""
    rows = [[{**PLAIN, name: value}.get(key, 0.0) for key in FACTOR_NAMES] for value in values]
    labels = np.full(len(rows), digit)
    made = make_synthetic_digits(len(rows), labels=labels, factors=np.array(rows), style=0)
    return made.images[..., 0] / 255.0


def moments(image: NDArray[np.float64]) -> dict[str, float]:
    """Return the ink's mass, its centre, and the slant and spread from its second moments."""
    y, x = np.indices(image.shape)
    mass = image.sum()
    cx, cy = (image * x).sum() / mass, (image * y).sum() / mass
    xx, yy = (image * (x - cx) ** 2).sum() / mass, (image * (y - cy) ** 2).sum() / mass
    xy = (image * (x - cx) * (y - cy)).sum() / mass
    return {
        "mass": mass,
        "x": cx,
        "y": cy,
        "spread_x": np.sqrt(xx),
        "spread_y": np.sqrt(yy),
        "slant": np.degrees(np.arctan(-xy / yy)),
        "axis": np.degrees(np.arctan2(2 * xy, xx - yy) / 2) % 180,  # of the longer axis
    }


@pytest.fixture(scope="module")
def many() -> synthetic.SyntheticDigits:
    return make_synthetic_digits(6000, seed=3)


def test_make_synthetic_digits_shapes_and_types(many):
    assert many.images.shape == (6000, 28, 28, 1)
    assert many.images.dtype == np.uint8
    assert many.labels.shape == (6000,)
    assert many.labels.dtype == np.uint8
    assert many.factors.shape == (6000, len(FACTOR_NAMES))
    assert many.factors.dtype == np.float32
    assert make_synthetic_digits(0).images.shape == (0, 28, 28, 1)


def test_make_synthetic_digits_gives_the_same_bytes_for_any_threads(monkeypatch):
    first = make_synthetic_digits(700, seed=5)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    second = make_synthetic_digits(700, seed=5)
    for name in ("images", "labels", "factors"):
        assert np.array_equal(getattr(first, name), getattr(second, name))
    assert not np.array_equal(first.images, make_synthetic_digits(700, seed=6).images)


@pytest.mark.parametrize("count", [1, 10, 250, 251, 511])
def test_fewer_digits_are_a_prefix(many, count):
    few = make_synthetic_digits(count, seed=3)
    assert np.array_equal(few.images, many.images[:count])
    assert np.array_equal(few.labels, many.labels[:count])
    assert np.array_equal(few.factors, many.factors[:count])


def test_drawn_labels_and_factors_give_the_same_digits_again(many):
    again = make_synthetic_digits(300, seed=3, labels=many.labels[:300], factors=many.factors[:300])
    assert np.array_equal(again.images, many.images[:300])


def test_named_factors_names_digit_and_factors(many):
    known = named_factors(many.labels, many.factors)
    assert list(known) == ["digit", *FACTOR_NAMES]
    assert np.array_equal(known["digit"], many.labels)
    for place, name in enumerate(FACTOR_NAMES):
        assert np.array_equal(known[name], many.factors[:, place])
    for labels, factors, says in (
        (many.labels[:3], many.factors[:4], r"labels must be whole numbers of shape \(4,\)"),
        (many.labels[:4], many.factors[:4, :6], "factors must be"),
        (many.labels[:4], 1.0, "factors must be"),
    ):
        with pytest.raises(InputError, match=says):
            named_factors(labels, factors)


def test_a_digit_depends_on_its_own_label_and_factors_only():
    labels = np.arange(20) % 10
    others = labels.copy()
    others[1::2] = 9 - others[1::2]
    first, second = (make_synthetic_digits(20, labels=one) for one in (labels, others))
    assert np.array_equal(first.images[::2], second.images[::2])
    assert not np.array_equal(first.images[1::2], second.images[1::2])


def test_without_style_the_seed_does_not_matter(many):
    given = {"labels": many.labels[:100], "factors": many.factors[:100]}
    first = make_synthetic_digits(100, seed=1, style=0, **given).images
    assert np.array_equal(first, make_synthetic_digits(100, seed=2, style=0, **given).images)
    # The same label and factors, once more in another place.
    backwards = {key: value[::-1] for key, value in given.items()}
    assert np.array_equal(first[::-1], make_synthetic_digits(100, style=0, **backwards).images)
    # With more style the hands of two seeds differ more.
    apart = []
    for style in (0.1, 0.5, 1.0):
        one, two = (
            make_synthetic_digits(100, seed=seed, style=style, **given).images for seed in (1, 2)
        )
        apart.append(np.abs(one.astype(float) - two).mean())
    assert 0 < apart[0] < apart[1] < apart[2]


def test_digits_fill_the_range_of_ink(many):
    assert many.images.min() == 0
    assert many.images.max() == 255
    assert np.all(many.images.max(axis=(1, 2, 3)) > 150)
    grey = (many.images > 0) & (many.images < 255)
    assert 0.05 < grey.mean() < 0.25  # soft edges


def test_ink_fits_the_box_and_its_mass_is_centred():
    made = make_synthetic_digits(1000, seed=1)
    factors = made.factors.copy()
    factors[:, FACTOR_NAMES.index("shift_x") :] = 0
    images = make_synthetic_digits(1000, seed=1, factors=factors).images[..., 0] / 255.0
    for axis in (1, 2):
        inked = (images > 0.5).any(axis=axis)
        extent = 28 - inked[:, ::-1].argmax(axis=1) - inked.argmax(axis=1)
        # A pen pressed harder than its mean, and pixels cut by the edge, may add a little.
        assert extent.max() <= 22
        assert np.quantile(extent, 0.9) <= 20
    centres = [(found["x"], found["y"]) for found in map(moments, images)]
    assert np.allclose(centres, 13.5, atol=0.25)  # the rim of a line is only a pixel wide


@pytest.mark.parametrize("digit", range(10))
def test_shift_moves_the_centre_by_pixels(digit):
    for name, axis, other in (("shift_x", "x", "y"), ("shift_y", "y", "x")):
        images = traverse(name, [-1.5, -0.5, 0.5, 1.5], digit)
        found = [moments(image) for image in images]
        assert np.allclose(np.diff([one[axis] for one in found]), 1, atol=0.02)
        assert np.allclose([one[other] for one in found], found[0][other], atol=0.02)


@pytest.mark.parametrize(
    ("name", "values", "measure"),
    [
        ("slant", [-20, -10, 0, 10, 20, 30], "slant"),
        ("width", [0.6, 0.7, 0.8, 0.9, 1.0], "spread_x"),
        ("height", [0.5, 0.6, 0.7, 0.8, 0.9, 1.0], "spread_y"),
        ("thickness", [1.0, 2.0, 3.0, 4.0, 5.0], "mass"),
    ],
)
@pytest.mark.parametrize("digit", range(10))
def test_a_factor_increases_what_it_names(digit, name, values, measure):
    found = [moments(image)[measure] for image in traverse(name, values, digit)]
    assert all(low < high for low, high in pairwise(found))


def test_slant_and_rotation_are_degrees():
    """A stem leans by the slant to the right, and turns clockwise by the rotation."""
    values = [-30.0, -15.0, 0.0, 15.0, 30.0]
    axis = [moments(image)["axis"] - 90 for image in traverse("rotation", values, 1)]
    assert np.allclose(axis - axis[2], values, atol=1.5)
    slant = [moments(image)["slant"] for image in traverse("slant", values, 1)]
    assert np.allclose(slant - np.float64(slant[2]), values, atol=2.0)


def test_thickness_is_pixels():
    """Across a bare upright stem the ink adds up to the thickness."""
    values = [2.0, 3.0, 4.0, 5.0]
    across = traverse("thickness", values, 1)[:, 12:16].sum(axis=2).mean(axis=1)
    assert np.allclose(across, values, atol=0.1)


def test_drawn_factors_lie_in_their_ranges_and_follow_their_distribution(many):
    for factor, column in zip(FACTORS.values(), many.factors.T, strict=True):
        assert column.min() >= np.float32(factor.low)
        assert column.max() <= np.float32(factor.high)
        low, mode, high = factor.low, factor.mode, factor.high
        variance = (low**2 + mode**2 + high**2 - low * mode - low * high - mode * high) / 18
        error = np.sqrt(variance / len(column))
        assert abs(column.mean() - (low + mode + high) / 3) < 4 * error
        assert np.isclose(column.var(), variance, rtol=0.1)
    assert np.all(np.abs(np.bincount(many.labels, minlength=10) - 600) < 4 * np.sqrt(540))


def test_factors_and_label_are_independent(many):
    for columns in (many.factors, many.factors**2):  # the means, and also the spreads
        correlation = np.corrcoef(columns.T) - np.eye(len(FACTOR_NAMES))
        if columns is many.factors:
            assert np.abs(correlation).max() < 4 / np.sqrt(len(columns))
        standard = (columns - columns.mean(axis=0)) / columns.std(axis=0)
        for digit in range(10):
            own = standard[many.labels == digit]
            assert np.abs(own.mean(axis=0)).max() < 4.5 / np.sqrt(len(own))


def test_ink_is_the_distance_to_a_straight_line():
    """Against a line drawn from the exact distance of each pixel."""
    x = np.full((1, SAMPLES), 13.3, np.float32)
    y = np.linspace(-10, 38, SAMPLES, dtype=np.float32)[None]
    length = np.full((1, SAMPLES), 48 / (SAMPLES - 1), np.float32)
    image = ink.draw_ink(x, y, length, np.full((1, SAMPLES), 1.5, np.float32))[0]
    distance = np.abs(np.arange(28) - 13.3)
    exact = np.clip((1.5 - distance) / ink.RIM + 0.5, 0, 1) * 255
    assert np.abs(image - exact).max() < 2


def test_allographs_can_be_mixed():
    """The two ends of each have the same points, corners and strokes; all digits have several."""
    digits = [form.digit for form in ALLOGRAPHS]
    assert digits == sorted(digits)
    assert min(np.bincount(digits, minlength=10)) >= 2
    for form in ALLOGRAPHS:
        first, second = (
            ["," in mark or mark for mark in s.split()] for s in (form.first, form.second)
        )
        assert first == second
    table = stroke_table()
    assert np.allclose(table.middles.sum(axis=2), 1, atol=1e-5)
    assert np.allclose(table.steps.sum(axis=2), 0, atol=1e-5)
    assert np.allclose(table.shares[:, -1], 1)


def test_extreme_factors_still_draw():
    ends = np.array([[factor.least, factor.most] for factor in FACTORS.values()])
    corners = np.random.default_rng(0).integers(0, 2, (200, len(FACTORS)))
    factors = ends[np.arange(len(FACTORS)), corners]
    factors[:, -2:] = 0
    images = make_synthetic_digits(200, factors=factors, style=synthetic.MOST_STYLE).images
    assert np.all(images.max(axis=(1, 2, 3)) > 0)


def bad_factors(name: str, value: float) -> NDArray[np.float64]:
    rows = np.array([[factor.mode for factor in FACTORS.values()]] * 2)
    rows[1, FACTOR_NAMES.index(name)] = value
    return rows


@pytest.mark.parametrize(
    ("count", "options", "says"),
    [
        (-1, {}, "count"),
        (2.5, {}, "count"),
        (True, {}, "count"),
        (2, {"seed": -1}, "seed"),
        (2, {"seed": None}, "seed"),
        (2, {"style": -0.1}, "style"),
        (2, {"style": np.nan}, "style"),
        (2, {"style": None}, "style"),
        (2, {"style": np.inf}, "style"),
        (2, {"labels": [1]}, "labels"),
        (2, {"labels": [[1], [2]]}, "labels"),
        (2, {"labels": [1, 10]}, "labels"),
        (2, {"labels": [-1, 1]}, "labels"),
        (2, {"labels": [1.0, 2.0]}, "labels"),
        (2, {"labels": [[1, 2], [3]]}, "labels"),
        (2, {"factors": np.zeros((2, 6))}, "factors"),
        (2, {"factors": np.zeros((1, 7))}, "factors"),
        (2, {"factors": [["a"] * 7] * 2}, "factors"),
        (2, {"factors": bad_factors("slant", np.nan)}, "slant"),
        (2, {"factors": bad_factors("shift_y", np.inf)}, "shift_y"),
        (2, {"factors": bad_factors("thickness", 0)}, "thickness"),
        (2, {"factors": bad_factors("height", 1e39)}, "height"),
    ],
)
def test_make_synthetic_digits_refuses_bad_input_in_one_line(count, options, says):
    with pytest.raises(InputError, match=says) as raised:
        make_synthetic_digits(count, **options)
    assert "\n" not in str(raised.value)
