"""Boxes, circles and arrows as a vector graphic, all in one style.

Labels are words, or mathematics in italics: in the latter ``_`` and ``^`` lower and raise the
character that follows, or what follows in braces.
"""

import html
import re
from dataclasses import dataclass
from typing import Literal

FORWARD = "#0072B2"  # Okabe and Ito's blue and vermilion, which everybody can tell apart
BACKWARD = "#D55E00"
INK = "#222222"
SOFT = "#8a8a8a"
FILLS = {"plain": "#ffffff", "network": "#e8f1f8", "observed": "#dcdcdc", "noise": "#fdeee2"}

Fill = Literal["plain", "network", "observed", "noise"]
Point = tuple[float, float]

_MATHS = re.compile(r"([_^])(\{[^}]*\}|.)|([^_^]+)")


@dataclass(frozen=True)
class Shape:
    """A box or a circle with its centre at (x, y), which arrows lead to and from."""

    x: float
    y: float
    half_width: float
    half_height: float
    round: bool = False

    def edge(self, towards: Point, gap: float = 0.0) -> Point:
        """Return where a line from the centre leaves the shape, ``gap`` outside of it."""
        dx, dy = towards[0] - self.x, towards[1] - self.y
        length = (dx * dx + dy * dy) ** 0.5 or 1.0
        if self.round:
            inside = self.half_width
        else:
            inside = length / max(abs(dx) / self.half_width, abs(dy) / self.half_height, 1e-9)
        share = (inside + gap) / length
        return self.x + share * dx, self.y + share * dy


class Drawing:
    """A picture of ``width`` by ``height`` units, with words for those who cannot see it.

    Parameters
    ----------
    width, height
        In units of which a line of text is 14 high.
    title
        What it is, in a few words.
    description
        What it shows, in a sentence or two.
    """

    def __init__(self, width: int, height: int, title: str, description: str) -> None:
        self.width, self.height = width, height
        self.title, self.description = title, description
        self._parts: list[str] = []

    def box(
        self,
        x: float,
        y: float,
        label: str,
        *,
        width: float = 80,
        height: float = 34,
        fill: Fill = "plain",
        maths: bool = False,
    ) -> Shape:
        """Draw a box with its centre at (x, y)."""
        self._parts.append(
            f'<rect x="{_n(x - width / 2)}" y="{_n(y - height / 2)}" width="{_n(width)}" '
            f'height="{_n(height)}" rx="5" fill="{FILLS[fill]}" stroke="{INK}"/>'
        )
        self.text(x, y, label, maths=maths)
        return Shape(x, y, width / 2, height / 2)

    def circle(
        self, x: float, y: float, label: str, *, radius: float = 19, fill: Fill = "plain"
    ) -> Shape:
        """Draw a circle with mathematics in it: a random variable; grey if it is observed."""
        self._parts.append(
            f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}" fill="{FILLS[fill]}" '
            f'stroke="{INK}"/>'
        )
        self.text(x, y, label, maths=True)
        return Shape(x, y, radius, radius, round=True)

    def trapezium(
        self, x: float, y: float, label: str, *, left: float, right: float, width: float = 90
    ) -> Shape:
        """Draw a network that narrows or widens, from a side of height ``left`` to ``right``."""
        corners = [
            (x - width / 2, y - left / 2),
            (x + width / 2, y - right / 2),
            (x + width / 2, y + right / 2),
            (x - width / 2, y + left / 2),
        ]
        points = " ".join(f"{_n(a)},{_n(b)}" for a, b in corners)
        self._parts.append(
            f'<polygon points="{points}" fill="{FILLS["network"]}" stroke="{INK}" '
            'stroke-linejoin="round"/>'
        )
        self.text(x, y, label)
        return Shape(x, y, width / 2, (left + right) / 4)

    def arrow(
        self,
        start: Shape | Point,
        end: Shape | Point,
        label: str = "",
        *,
        colour: str = INK,
        dashed: bool = False,
        bend: float = 0.0,
        shift: float = 0.0,
        maths: bool = True,
    ) -> None:
        """Draw an arrow, its label beside its middle.

        ``bend`` is how far its middle is moved to the left of its way, in units; ``shift`` moves
        the whole arrow to the left.
        """
        a, b = _centre(start), _centre(end)
        length = ((b[0] - a[0]) ** 2 + (b[1] - a[1]) ** 2) ** 0.5 or 1.0
        left = (b[1] - a[1]) / length, (a[0] - b[0]) / length
        a, b = (_moved(point, left, shift) for point in (a, b))
        middle = _moved(((a[0] + b[0]) / 2, (a[1] + b[1]) / 2), left, 2 * bend)
        if isinstance(start, Shape):
            a = _moved(start.edge(_moved(middle, left, -shift)), left, shift)
        if isinstance(end, Shape):
            b = _moved(end.edge(_moved(middle, left, -shift), 2), left, shift)
        way = f"L{_n(b[0])} {_n(b[1])}"
        if bend:
            way = f"Q{_n(middle[0])} {_n(middle[1])} {_n(b[0])} {_n(b[1])}"
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        self._parts.append(
            f'<path d="M{_n(a[0])} {_n(a[1])}{way}" fill="none" stroke="{colour}" '
            f'stroke-width="1.4"{dash}/>'
        )
        self._head(middle if bend else a, b, colour)
        if label:
            beside = _moved(
                ((a[0] + 2 * middle[0] + b[0]) / 4, (a[1] + 2 * middle[1] + b[1]) / 4), left, 12
            )
            self.text(*beside, label, colour=colour, maths=maths, size=12)

    def _head(self, before: Point, tip: Point, colour: str) -> None:
        """Draw an arrow's head, pointing away from ``before``."""
        dx, dy = tip[0] - before[0], tip[1] - before[1]
        length = (dx * dx + dy * dy) ** 0.5 or 1.0
        along, across = (dx / length, dy / length), (-dy / length, dx / length)
        back = _moved(tip, along, -9)
        corners = tip, _moved(back, across, 3.6), _moved(back, across, -3.6)
        points = " ".join(f"{_n(x)},{_n(y)}" for x, y in corners)
        self._parts.append(f'<polygon points="{points}" fill="{colour}"/>')

    def line(self, start: Point, end: Point, *, colour: str = INK, dashed: bool = False) -> None:
        """Draw a line without a head."""
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        self._parts.append(
            f'<line x1="{_n(start[0])}" y1="{_n(start[1])}" x2="{_n(end[0])}" y2="{_n(end[1])}" '
            f'stroke="{colour}"{dash}/>'
        )

    def bar(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """Draw a filled rectangle with its upper left corner at (x, y)."""
        self._parts.append(
            f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}" '
            f'fill="{colour}" stroke="{INK}" stroke-width="0.6"/>'
        )

    def plate(self, x: float, y: float, width: float, height: float, label: str) -> None:
        """Draw a frame around what is repeated; ``label`` says how often."""
        self._parts.append(
            f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}" rx="8" '
            f'fill="none" stroke="{SOFT}"/>'
        )
        self.text(x + width - 6, y + height - 9, label, anchor="end", size=12, colour=SOFT)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = 13,
        colour: str = INK,
        anchor: Literal["start", "middle", "end"] = "middle",
        maths: bool = False,
    ) -> None:
        """Write words, or mathematics, centred at (x, y); a text may have several lines."""
        lines = text.split("\n")
        style = 'font-family="Georgia, serif" font-style="italic"' if maths else ""
        top = y - 0.6 * size * (len(lines) - 1)
        for number, line in enumerate(lines):
            body = _maths(line, size) if maths else html.escape(line)
            self._parts.append(
                f'<text x="{_n(x)}" y="{_n(top + 1.2 * size * number + 0.35 * size)}" '
                f'font-size="{_n(size + (2 if maths else 0))}" fill="{colour}" '
                f'text-anchor="{anchor}" {style}>{body}</text>'
            )

    def _repr_svg_(self) -> str:
        # White behind it, so that it is legible on a dark page too.
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
            f'width="{self.width}" height="{self.height}" role="img" '
            'font-family="Helvetica, Arial, sans-serif">'
            f"<title>{html.escape(self.title)}</title><desc>{html.escape(self.description)}</desc>"
            f'<rect width="{self.width}" height="{self.height}" rx="6" fill="#ffffff"/>'
            f"{''.join(self._parts)}</svg>"
        )

    def __repr__(self) -> str:
        return f"{self.title}. {self.description}"


def _centre(end: Shape | Point) -> Point:
    return (end.x, end.y) if isinstance(end, Shape) else end


def _moved(point: Point, direction: Point, distance: float) -> Point:
    return point[0] + distance * direction[0], point[1] + distance * direction[1]


def _maths(text: str, size: float) -> str:
    parts, level = "", 0.0
    for sign, small, plain in _MATHS.findall(text):
        wanted = {"_": 0.25, "^": -0.4, "": 0.0}[sign] * size
        shift = f' dy="{_n(wanted - level)}"' if wanted != level else ""
        level = wanted
        smaller = f' font-size="{_n(0.75 * (size + 2))}"' if sign else ""
        parts += f"<tspan{shift}{smaller}>{html.escape(small.strip('{}') or plain)}</tspan>"
    return parts


def _n(number: float) -> str:
    """Return a number with at most one decimal, so that files stay small and the same."""
    return f"{number:.1f}".rstrip("0").rstrip(".")
