"""The diagrams: well-formed, described in words, and nothing outside of the picture."""

import re
import xml.etree.ElementTree as ET

import pytest

from scratchvae.course import diagrams
from scratchvae.course.diagrams.drawing import Drawing, Shape

NAMES = [name for name in diagrams.__all__ if name != "Drawing"]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("name", NAMES)
def test_a_diagram_is_small_described_and_the_same_each_time(name):
    drawn = getattr(diagrams, name)()
    text = drawn._repr_svg_()
    root = ET.fromstring(text)
    assert len(text) < 20_000
    assert root.find(f"{SVG}title").text == drawn.title
    assert len(root.find(f"{SVG}desc").text) > 80
    assert text == getattr(diagrams, name)()._repr_svg_()
    assert drawn.description in repr(drawn)


@pytest.mark.parametrize("name", NAMES)
def test_everything_lies_inside(name):
    drawn = getattr(diagrams, name)()
    root = ET.fromstring(drawn._repr_svg_())
    ends = [
        (float(x), float(y))
        for element in root
        for x, y in re.findall(
            r"(-?[\d.]+)[ ,](-?[\d.]+)", f"{element.get('d', '')} {element.get('points', '')}"
        )
    ]
    for element in root:
        for x, y in (("x", "y"), ("x1", "y1"), ("x2", "y2"), ("cx", "cy")):
            if element.get(x) and element.get(y):
                ends.append((float(element.get(x)), float(element.get(y))))
    assert len(ends) > 5
    assert all(0 <= x <= drawn.width and 0 <= y <= drawn.height for x, y in ends)


def test_an_arrow_ends_at_the_edges_of_its_shapes():
    assert Shape(0, 0, 10, 10, round=True).edge((3, 4)) == (6, 8)
    assert Shape(0, 0, 10, 5).edge((0, 100)) == (0, 5)
    assert Shape(0, 0, 10, 5).edge((100, 0), 2) == (12, 0)


def test_labels_are_escaped_and_lowered():
    picture = Drawing(10, 10, "a < b", "c & d")
    picture.text(1, 1, "x_{ij}^2 < y", maths=True)
    root = ET.fromstring(picture._repr_svg_())
    assert [span.text for span in root.iter(f"{SVG}tspan")] == ["x", "ij", "2", " < y"]
