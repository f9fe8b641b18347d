"""Diagrams of a model whose latents are codes."""

from scratchvae.course.diagrams.drawing import BACKWARD, FORWARD, SOFT, Drawing


def straight_through() -> Drawing:
    """Return a VQ-VAE with its passes: forwards through the nearest code, backwards past it."""
    picture = Drawing(
        620,
        180,
        "A VQ-VAE and the paths of its gradients",
        "An image x goes through an encoder to a vector z. The nearest vector of a codebook, y, "
        "takes its place and goes through the decoder. Backwards, the gradient of the "
        "reconstruction jumps from y straight to z, past the codebook; the distance between z and "
        "y pulls on both of them.",
    )
    x = picture.box(40, 80, "x", width=40, height=90, fill="observed", maths=True)
    encoder = picture.trapezium(140, 80, "encoder", left=90, right=46)
    z = picture.circle(235, 80, "z")
    nearest = picture.box(310, 150, "nearest of\nthe codebook", width=104, height=44)
    y = picture.circle(385, 80, "y")
    decoder = picture.trapezium(480, 80, "decoder", left=46, right=90)
    decoded = picture.box(580, 80, "x̂", width=40, height=90, maths=True)
    for start, end in ((x, encoder), (encoder, z), (y, decoder), (decoder, decoded)):
        picture.arrow(start, end, colour=FORWARD)
    picture.arrow(z, nearest, colour=FORWARD)
    picture.arrow(nearest, y, colour=FORWARD)
    picture.arrow(y, z, "dz = dy", colour=BACKWARD, bend=-26)
    picture.arrow((570, 30), (440, 30), colour=BACKWARD)
    picture.arrow((190, 30), (90, 30), colour=BACKWARD)
    picture.line((256, 88), (364, 88), colour=SOFT, dashed=True)
    picture.text(310, 101, "pulled together", size=12, colour=SOFT)
    picture.text(505, 16, "gradient of the reconstruction", size=12, colour=BACKWARD)
    picture.text(140, 16, "the same gradient", size=12, colour=BACKWARD)
    return picture
