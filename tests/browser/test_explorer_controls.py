"""The explorer's controls in a real browser: keys, sliders, axes, classes, a finger."""

import numpy as np
import pytest
from explorer_browser import (
    IMAGES,
    LABELS,
    as_bytes,
    assert_shows,
    at,
    lonely_code,
    opened,
    photograph,
    pixels,
    place_of_code,
    point,
    settle,
)


def test_everything_can_be_done_by_keys(written, browser):
    model, path = written("mlp, 2 latents")
    with opened(browser, path) as page:
        page.keyboard.press("Tab")
        plane = page.locator("#plane")
        assert plane.evaluate("plane => plane === document.activeElement")
        assert plane.evaluate("plane => getComputedStyle(plane).outlineStyle") == "solid"
        step = page.evaluate("(plane.high[0] - plane.low[0]) * 0.01")
        for key, moved in (
            ("ArrowRight", (1, 0)),
            ("ArrowUp", (0, 1)),
            ("ArrowLeft", (-1, 0)),
            ("ArrowDown", (0, -1)),
            ("Shift+ArrowRight", (5, 0)),
        ):
            before = point(page)
            page.keyboard.press(key)
            np.testing.assert_allclose(point(page) - before, np.multiply(moved, step), atol=1e-6)
        assert_shows(page, "decoded", model.decode(point(page)[None]))
        page.keyboard.press("s")
        page.keyboard.press("Home")
        assert not point(page).any()
        np.testing.assert_allclose(page.evaluate("[...state.second]"), [5 * step, 0], atol=1e-6)
        page.keyboard.press("Escape")
        assert page.evaluate("state.second") is None
        page.keyboard.press("Enter")
        z = model.encode(IMAGES)
        assert page.evaluate("state.chosen") == np.linalg.norm(z, axis=1).argmin()
        names = []
        while True:
            page.keyboard.press("Tab")
            name = page.evaluate("document.activeElement.id || document.activeElement.innerText")
            if (
                not name
                or name in names
                or page.evaluate("document.activeElement === document.body")
            ):
                break
            names.append(name)
        assert names[:4] == ["all", "0", "1", "2"]
        assert names[11:15] == ["codes", "tiles", "draw", "set-second"]


def test_sliders_axes_the_prior_and_classes(written, browser):
    model, path = written("mlp, 10 latents")
    with opened(browser, path) as page:
        slider = page.get_by_role("slider", name="z₄", exact=False)
        slider.focus()
        slider.press("End")
        assert point(page)[3] == pytest.approx(page.evaluate("content.highest[3]"), abs=0.01)
        assert_shows(page, "decoded", model.decode(point(page)[None]))
        page.get_by_label("across").select_option("z₄")
        assert page.evaluate("plane.axes[0]") == 3
        up = page.evaluate("plane.axes[1]")
        page.get_by_label("up").select_option("z₄")
        assert page.evaluate("plane.axes") == [up, 3]
        before = point(page)
        page.get_by_role("button", name="Draw from the prior").click()
        assert (point(page) != before).all()
        assert_shows(page, "decoded", model.decode(point(page)[None]))
        page.get_by_role("button", name="7", exact=True).click()
        page.locator("#plane").press("Enter")
        assert LABELS[page.evaluate("state.chosen")] == 7
        page.get_by_role("button", name="7", exact=True).click()
        assert page.evaluate("state.shown") is None
        before = pixels(page, "plane")
        page.get_by_label("decoded images behind").check()
        settle(page, "tiles.left === 0")
        assert (pixels(page, "plane") != before).any(axis=-1).mean() > 0.3
        tile = page.evaluate("[...plane.tileLatents(17, state.z)]")
        shown = pixels(page, "(plane.tiles)")[28:56, 28:56]
        expected = as_bytes(model.decode(np.array([tile], np.float32)))[0]
        assert np.abs(shown.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_finger_on_a_small_screen(scheme, written, browser):
    model, path = written("mlp, 2 latents")
    screen = {"width": 400, "height": 800, "has_touch": True, "color_scheme": scheme}
    with opened(browser, path, **screen, is_mobile=True) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        page.touchscreen.tap(*at(page, 0.2, 0.2))
        first = point(page)
        assert first[0] < 0 < first[1]
        touch = page.context.new_cdp_session(page)
        for kind, *place in (
            ("touchStart", 0.5, 0.5),
            ("touchMove", 0.6, 0.6),
            ("touchMove", 0.8, 0.7),
            ("touchEnd",),
        ):
            points = [dict(zip("xy", at(page, *place), strict=True))] if place else []
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        settle(page)
        assert point(page)[0] > 0 > point(page)[1]
        assert_shows(page, "decoded", model.decode(point(page)[None]))
        index = lonely_code(page)
        page.touchscreen.tap(*place_of_code(page, index))
        assert page.evaluate("state.chosen") == index
        # Text is read against what is behind it: WCAG's contrast of at least 4.5.
        ink, muted, paper = (_colour(page, name) for name in ("--ink", "--muted", "--paper"))
        assert min(_contrast(ink, paper), _contrast(muted, paper)) > 4.5
        photograph(page, f"small, {scheme}")


def _colour(page, name):
    read = "name => getComputedStyle(document.documentElement).getPropertyValue(name).trim()"
    return [int(page.evaluate(read, name)[place : place + 2], 16) / 255 for place in (1, 3, 5)]


def _contrast(first, second):
    """Return the ratio of two colours' luminances as WCAG 2 defines it."""

    def luminance(colour):
        linear = [((c + 0.055) / 1.055) ** 2.4 if c > 0.04045 else c / 12.92 for c in colour]
        return float(np.dot([0.2126, 0.7152, 0.0722], linear))

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)
