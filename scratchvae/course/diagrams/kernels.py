"""Diagrams of kernels: how loops walk through memory, and what stays in registers."""

from typing import Literal

from scratchvae.course.diagrams.drawing import BACKWARD, FORWARD, SOFT, Drawing

Way = Literal["row", "column", "still"]

_ORDERS: tuple[tuple[str, tuple[Way, Way, Way]], ...] = (
    ("A: i, j, k", ("row", "column", "still")),
    ("B: i, k, j", ("still", "row", "row")),
    ("C: j, k, i", ("column", "still", "column")),
)


def loop_orders() -> Drawing:
    """Return three orders of the loops of a product, each with its innermost loop's way."""
    size, cells, high = 17, 4, 118
    picture = Drawing(
        560,
        3 * high + 24,
        "Three orders of the loops of a matrix product",
        "Three rows with the matrices A, B and C. Order i, j, k walks along a row of A and down a "
        "column of B, and adds to one number of C. Order i, k, j keeps a number of A and walks "
        "along a row of B and a row of C. Order j, k, i walks down a column of A and a column of "
        "C, and keeps a number of B.",
    )
    for number, (title, ways) in enumerate(_ORDERS):
        top = 40 + number * high
        picture.text(20, top + 2 * size, title, anchor="start", size=12)
        for place, (name, way) in enumerate(zip("ABC", ways, strict=True)):
            left = 150 + place * 140
            for cell in range(cells * cells):
                x, y = left + cell % cells * size, top + cell // cells * size
                picture.bar(x, y, size, size, "#ffffff")
            picture.text(left + 2 * size, top - 14, name, maths=True)
            middle_x, middle_y = left + 1.5 * size, top + 1.5 * size
            ends = {
                "row": ((left + 4, middle_y), (left + cells * size - 2, middle_y)),
                "column": ((middle_x, top + 4), (middle_x, top + cells * size - 2)),
            }
            if way == "still":
                picture.circle(middle_x, middle_y, "", radius=4, fill="observed")
            else:
                colour = FORWARD if way == "row" else BACKWARD
                picture.arrow(*ends[way], colour=colour)
    return picture


def register_tile(rows: int = 6) -> Drawing:
    """Return one step of a register tile: what is loaded, and the sums that stay."""
    wide, high, left, top = 120, 22, 150, 84
    bottom = top + rows * high
    picture = Drawing(
        560,
        bottom + 44,
        "One step of a register tile",
        f"A block of {rows} rows of two vectors each: the sums, which stay in registers. Above it "
        "two vectors of B, loaded in this step. On its left one number of A for each row, copied "
        "into all lanes of a register and multiplied by both vectors.",
    )
    for v in range(2):
        x = left + v * (wide + 10)
        picture.bar(x, 34, wide, high, "#a8cfe6")
        picture.text(x + wide / 2, 34 + high / 2, f"vector {v + 1} of B", size=11, colour=FORWARD)
        picture.arrow((x + wide / 2, 34 + high), (x + wide / 2, top - 3), colour=SOFT)
        for t in range(rows):
            picture.bar(x, top + t * high, wide, high, "#fdeee2")
            label = f"C_{{{t + 1},{v + 1}}}"
            picture.text(x + wide / 2, top + (t + 0.45) * high, label, maths=True, size=11)
    for t in range(rows):
        picture.bar(66, top + t * high, high, high, "#f7c9a8")
        picture.text(77, top + (t + 0.45) * high, f"A_{{{t + 1}}}", maths=True, size=11)
        picture.arrow((90, top + (t + 0.5) * high), (left - 3, top + (t + 0.5) * high), colour=SOFT)
    picture.text(left + wide + 5, 16, "loaded once a step", size=11, colour=SOFT)
    picture.text(77, top - 16, "a number a row", size=11, colour=SOFT)
    x = left + wide + 5
    picture.text(x, bottom + 18, "sums: in registers from the first step to the last", size=11)
    return picture
