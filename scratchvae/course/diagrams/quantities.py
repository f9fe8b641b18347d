"""Diagrams of quantities: what adds up to what, and how a product is cut."""

from scratchvae.course.diagrams.drawing import BACKWARD, FORWARD, SOFT, Drawing


def evidence_gap() -> Drawing:
    """Return log p(x) as the sum of the ELBO and the KL from q to the posterior."""
    picture = Drawing(
        560,
        205,
        "The ELBO and its gap",
        "Two columns of one height, log p(x). Each is the ELBO, below, and the KL divergence from "
        "q to the posterior on top of it. With a better q the ELBO is higher and the KL smaller; "
        "their sum stays.",
    )
    bottom, top = 185, 35
    picture.line((40, top), (480, top), dashed=True, colour=SOFT)
    picture.text(484, top, "log p(x)", maths=True, anchor="start", size=12)
    for left, gap, title in ((90, 75, "some q"), (300, 22, "a better q")):
        picture.bar(left, top, 110, gap, "#f7c9a8")
        picture.bar(left, top + gap, 110, bottom - top - gap, "#a8cfe6")
        picture.text(left + 55, (top + gap + bottom) / 2, "ELBO", colour=FORWARD)
        words = "KL(q ‖ p(z | x))"
        picture.text(left + 55, top + gap / 2, words, maths=True, size=11, colour=BACKWARD)
        picture.text(left + 55, 16, title, size=12, colour=SOFT)
    picture.line((40, bottom), (480, bottom))
    return picture


def outer_products(rows: int = 4, columns: int = 6, length: int = 5, step: int = 2) -> Drawing:
    """Return a product C = A B, with the column of A and the row of B of one step marked."""
    size, gap = 22, 46
    picture = Drawing(
        (2 * columns + length) * size + 2 * gap + 40,
        max(rows, length) * size + 70,
        "A tile of a matrix product",
        f"A matrix A of {rows} rows and {length} columns, a matrix B of {length} rows and "
        f"{columns} columns, and their product C. Column {step + 1} of A and row {step + 1} of B "
        "are marked: their outer product is added to every entry of C.",
    )
    left = 20
    for name, high, wide in (("A", rows, length), ("B", length, columns), ("C", rows, columns)):
        for row in range(high):
            for column in range(wide):
                marked = (name == "A" and column == step) or (name == "B" and row == step)
                colour = "#a8cfe6" if marked else "#fdeee2" if name == "C" else "#ffffff"
                picture.bar(left + column * size, 34 + row * size, size, size, colour)
        picture.text(left + wide * size / 2, 18, name, maths=True)
        left += wide * size + gap
        if name != "C":
            sign = "·" if name == "A" else "→"
            picture.text(left - gap / 2, 34 + rows * size / 2, sign, size=16)
    return picture
