"""The latent explorer as a reader has it: a file in a real browser, with the network off.

``make test-browser`` runs this. Screenshots go to the folder that SCREENSHOTS names, and how many
images a second the browser decodes is printed (``-s``).
"""

import numpy as np
import pytest
from explorer_browser import (
    IMAGES,
    LABELS,
    MODELS,
    OTHERS,
    assert_shows,
    at,
    lonely_code,
    opened,
    photograph,
    pixels,
    place_of_code,
    point,
)

# What a page promises, of pixels from 0 to 1.
AGREED = 1e-4

RATE = """() => {
    const z = () => Float64Array.from({length: content.latents}, () => 2 * Math.random() - 1);
    for (let n = 0; n < 20; n++) decode(z());
    const start = performance.now();
    let count = 0;
    while (performance.now() - start < 1000) { decode(z()); count += 1; }
    return 1000 * count / (performance.now() - start);
}"""


@pytest.mark.parametrize("name", MODELS | OTHERS)
def test_its_decoder_agrees_with_pythons(name, written, browser):
    model, path = written(name)
    assert path.stat().st_size <= 1_500_000 or name not in MODELS
    z = np.random.default_rng(2).standard_normal((20, model.latent_dim)).astype(np.float32)
    labels = np.arange(20) % max(model.classes, 1)
    expected = model.decode(z, labels if model.classes else None)
    with opened(browser, path) as page:
        given = [[each.tolist(), int(label)] for each, label in zip(z, labels, strict=True)]
        found = page.evaluate("given => given.map(each => [...window.decode(...each)])", given)
        difference = np.abs(np.reshape(found, expected.shape) - expected).max()
        print(
            f"{name}: {path.stat().st_size:,} bytes, off by at most {difference:.1e}, "
            f"{page.evaluate(RATE):,.0f} images a second"
        )
        assert difference <= AGREED
        photograph(page, name)


@pytest.mark.parametrize("name", MODELS)
def test_the_image_follows_the_pointer(name, written, browser):
    model, path = written(name)
    with opened(browser, path) as page:
        before = pixels(page, "decoded")
        page.mouse.move(*at(page, 0.5, 0.5))
        page.mouse.down()
        page.mouse.move(*at(page, 0.25, 0.3), steps=4)
        on_the_way = pixels(page, "decoded")
        assert (before != on_the_way).any()
        page.mouse.move(*at(page, 0.7, 0.8), steps=4)
        page.mouse.up()
        assert_shows(page, "decoded", model.decode(point(page)[None]))
        assert (pixels(page, "decoded") != on_the_way).any()
        page.mouse.move(*at(page, 0.1, 0.1))  # with no button pressed
        assert_shows(page, "decoded", model.decode(point(page)[None]))
        first, second = page.evaluate("plane.axes.map(axis => state.z[axis])")
        assert first > 0 > second


def test_a_click_on_a_point_shows_its_image_and_reconstruction(written, browser):
    model, path = written("mlp, 10 latents")
    with opened(browser, path) as page:
        index = lonely_code(page)
        page.mouse.click(*place_of_code(page, index))
        assert page.evaluate("state.chosen") == index
        z = model.encode(IMAGES[index : index + 1])
        np.testing.assert_allclose(point(page), z[0], atol=1e-3)  # 16 bits of their range
        assert_shows(page, "original", IMAGES[index : index + 1] / 255)
        assert_shows(page, "rebuilt", model.decode(point(page)[None]))
        assert page.get_by_text(f"test image, class {LABELS[index]}", exact=True).is_visible()
        page.mouse.move(*at(page, 0.2, 0.2))
        page.mouse.down()
        page.mouse.move(*at(page, 0.3, 0.2), steps=3)
        page.mouse.up()
        assert page.evaluate("state.chosen") is None
        assert not pixels(page, "original").any()


def test_the_way_to_a_second_point(written, browser):
    model, path = written("cnn, 2 latents")
    with opened(browser, path) as page:
        page.mouse.click(*at(page, 0.1, 0.9))
        page.get_by_role("button", name="Second point here").click()
        end = point(page)
        page.mouse.click(*at(page, 0.9, 0.1))
        start = point(page)
        assert np.abs(start - end).min() > 1
        shares = np.linspace(0, 1, 9, dtype=np.float32)[:, None]
        assert_shows(page, "way", model.decode((1 - shares) * start + shares * end))
        page.keyboard.down("Shift")
        page.mouse.click(*at(page, 0.9, 0.9))
        page.keyboard.up("Shift")
        np.testing.assert_array_equal(point(page), start)
        second = np.array(page.evaluate("[...state.second]"), np.float32)
        assert_shows(page, "way", model.decode((1 - shares) * start + shares * second))
        photograph(page, "a way")
        page.get_by_role("button", name="Remove it").click()
        assert page.evaluate("state.second") is None
        assert not pixels(page, "way").any()


def test_a_conditional_model_decodes_the_class_that_is_chosen(written, browser):
    model, path = written("conditional")
    with opened(browser, path) as page:
        page.get_by_label("decode as class").select_option("6")
        assert_shows(page, "decoded", model.decode(point(page)[None], np.array([6])))
        index = lonely_code(page)
        page.mouse.click(*place_of_code(page, index))
        of_its_class = model.decode(point(page)[None], LABELS[index : index + 1])
        assert_shows(page, "rebuilt", of_its_class)
        assert page.get_by_label("decode as class").input_value() == str(LABELS[index])


def test_a_model_of_one_latent_has_a_line(written, browser):
    model, path = written("one latent")
    with opened(browser, path) as page:
        page.mouse.click(*at(page, 0.8, 0.02))
        assert point(page) > 0
        index = lonely_code(page)
        page.mouse.click(*place_of_code(page, index))
        assert page.evaluate("state.chosen") == index
        assert_shows(page, "rebuilt", model.decode(point(page)[None]))
