"""Diagrams of whole models."""

from scratchvae.course.diagrams.drawing import FORWARD, SOFT, Drawing


def autoencoder() -> Drawing:
    """Return an autoencoder: image, encoder, latents, decoder, reconstruction."""
    picture = Drawing(
        560,
        150,
        "An autoencoder",
        "An image x goes through an encoder that narrows to a few latents z, and from there "
        "through a decoder that widens to a reconstruction of the image. The loss compares the "
        "two.",
    )
    x = picture.box(45, 65, "x", width=40, height=90, fill="observed", maths=True)
    encoder = picture.trapezium(150, 65, "encoder", left=90, right=40)
    z = picture.box(265, 65, "z", width=34, height=40, maths=True)
    decoder = picture.trapezium(380, 65, "decoder", left=40, right=90)
    decoded = picture.box(490, 65, "x̂", width=40, height=90, maths=True)
    for start, end in ((x, encoder), (encoder, z), (z, decoder), (decoder, decoded)):
        picture.arrow(start, end)
    picture.text(265, 98, "D latents", size=12, colour=SOFT)
    picture.text(45, 122, "image", size=12, colour=SOFT)
    picture.text(490, 122, "reconstruction", size=12, colour=SOFT)
    picture.line((45, 130), (45, 140), colour=SOFT)
    picture.line((45, 140), (490, 140), colour=SOFT)
    picture.line((490, 130), (490, 140), colour=SOFT)
    picture.text(265, 132, "loss: how far apart?", size=12, colour=SOFT)
    return picture


def variational_autoencoder() -> Drawing:
    """Return a VAE: the encoder gives a distribution, from which z is drawn."""
    picture = Drawing(
        640,
        185,
        "A variational autoencoder",
        "An image x goes through an encoder to the mean and the log-variance of a Gaussian. A "
        "latent z is drawn from it with noise epsilon, and a decoder turns z into the parameters "
        "of a distribution over images. The loss has two terms: the reconstruction compares that "
        "with x, and the KL compares the Gaussian with the prior.",
    )
    x = picture.box(40, 70, "x", width=40, height=90, fill="observed", maths=True)
    encoder = picture.trapezium(140, 70, "encoder", left=90, right=50)
    mean = picture.box(245, 48, "μ", width=44, height=32, maths=True)
    log_variance = picture.box(245, 92, "log σ^2", width=60, height=32, maths=True)
    z = picture.circle(345, 70, "z")
    eps = picture.circle(345, 150, "ε", radius=16, fill="noise")
    decoder = picture.trapezium(455, 70, "decoder", left=50, right=90)
    decoded = picture.box(560, 70, "x̂", width=40, height=90, maths=True)
    picture.arrow(x, encoder)
    for end in (mean, log_variance):
        picture.arrow((185, 70), end)
        picture.arrow(end, z)
    picture.arrow(eps, z)
    picture.arrow(z, decoder)
    picture.arrow(decoder, decoded)
    picture.text(385, 152, "~ N(0, I)", size=12, colour=SOFT, anchor="start")
    picture.text(245, 20, "q(z | x)", maths=True, colour=FORWARD)
    picture.text(560, 14, "p(x | z)", maths=True, colour=FORWARD)
    picture.text(245, 128, "KL: how far from N(0, I)?", size=12, colour=SOFT)
    picture.text(560, 133, "reconstruction:\nhow well is x predicted?", size=12, colour=SOFT)
    return picture


def plates() -> Drawing:
    """Return the graphical model: z and x for each of N images, with encoder and decoder."""
    picture = Drawing(
        300,
        190,
        "The model as a graph",
        "Inside a plate that is repeated for N images, a latent z points to an observed image x. "
        "The decoder's parameters theta, outside the plate, point to x. A dashed arrow leads back "
        "from x to z: the encoder with its parameters phi.",
    )
    z = picture.circle(150, 50, "z_n")
    x = picture.circle(150, 130, "x_n", fill="observed")
    picture.text(258, 90, "θ", maths=True)
    picture.text(38, 90, "φ", maths=True)
    picture.arrow(z, x, shift=0)
    picture.arrow(x, z, dashed=True, bend=28)
    picture.arrow((248, 94), x)
    picture.arrow((50, 86), z, dashed=True)
    picture.plate(90, 18, 125, 155, "N images")
    return picture


def two_layers() -> Drawing:
    """Return two layers of latents: the model, an encoder that goes up, and a ladder."""
    picture = Drawing(
        520,
        220,
        "Two layers of latents",
        "Three columns, each with z2 above z1 above x. In the model the arrows lead down, from z2 "
        "to z1 to x. In the encoder from the bottom up they lead up, from x to z1 to z2. In the "
        "ladder arrows lead from x to z2 and to z1, and another from z2 down to z1.",
    )
    columns = (90, "the model"), (260, "encoder,\nbottom up"), (430, "encoder,\nladder")
    for column, name in columns:
        z_2, z_1 = picture.circle(column, 30, "z_2"), picture.circle(column, 95, "z_1")
        x = picture.circle(column, 160, "x", fill="observed")
        if name == "the model":
            picture.arrow(z_2, z_1)
            picture.arrow(z_1, x)
        elif "bottom" in name:
            picture.arrow(x, z_1, dashed=True)
            picture.arrow(z_1, z_2, dashed=True)
        else:
            picture.arrow(x, z_1, dashed=True)
            picture.arrow(z_2, z_1, dashed=True)
            picture.arrow(x, z_2, dashed=True, bend=48)
        picture.text(column, 197, name, size=12, colour=SOFT)
    picture.text(128, 62, "p(z_1 | z_2)", maths=True, colour=FORWARD, anchor="start", size=12)
    picture.text(128, 128, "p(x | z_1)", maths=True, colour=FORWARD, anchor="start", size=12)
    return picture
