"""Diagrams of a hierarchy with a fixed encoder."""

from itertools import pairwise

from scratchvae.course.diagrams.drawing import BACKWARD, FORWARD, SOFT, Drawing


def diffusion() -> Drawing:
    """Return a row of layers: upwards noise is added, downwards a network walks back."""
    picture = Drawing(
        640,
        170,
        "A diffusion",
        "From the image x on the left arrows lead to latents z1, z2 and so on to zT on the right: "
        "each adds noise, and nothing in it is learned. Arrows back from zT to x are the decoder, "
        "one network for all steps, which begins with draws from N(0, I).",
    )
    places = (50, 175, 300, 440, 565)
    labels = ("x", "z_1", "z_2", "…", "z_T")
    shapes = [
        picture.box(places[0], 85, labels[0], width=44, height=44, fill="observed", maths=True)
    ]
    for place, label in zip(places[1:], labels[1:], strict=True):
        shapes.append(picture.circle(place, 85, label, radius=21))
    for before, after in pairwise(shapes):
        picture.arrow(before, after, colour=FORWARD, bend=16)
        picture.arrow(after, before, colour=BACKWARD, bend=16)
    picture.text(310, 22, "q: adds noise, learns nothing", size=12, colour=FORWARD)
    picture.text(
        310, 150, "p: one network guesses the noise, and walks back", size=12, colour=BACKWARD
    )
    picture.text(565, 128, "N(0, I)", size=12, colour=SOFT)
    return picture
