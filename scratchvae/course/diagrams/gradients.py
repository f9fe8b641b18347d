"""Diagrams of what goes forwards, and of the gradients that come back."""

from scratchvae.course.diagrams.drawing import BACKWARD, FORWARD, SOFT, Drawing


def dense_layer() -> Drawing:
    """Return a dense layer with values on one side of each wire and gradients on the other."""
    picture = Drawing(
        520,
        190,
        "A dense layer, forwards and backwards",
        "x enters a dense layer from the left, the weight W and the bias b from below, and y "
        "leaves it on the right. Beside each arrow an arrow in another colour leads back: dy in, "
        "and out of the layer dx = dy times W transposed, dW = x transposed times dy, and db, the "
        "sum of the rows of dy.",
    )
    picture.box(260, 65, "y = xW + b", width=130, height=50, fill="network", maths=True)
    for start, end, above, below in (
        ((60, 65), (195, 65), "x", "dx = dy W^T"),
        ((325, 65), (460, 65), "y", "dy"),
    ):
        picture.arrow(start, end, above, colour=FORWARD, shift=6)
        picture.arrow(end, start, below, colour=BACKWARD, shift=6)
    for x, name, gradient, place in (
        (225, "W", "dW = x^Tdy", 165),
        (295, "b", "db = Σ_n dy_n", 358),
    ):
        picture.arrow((x - 5, 150), (x - 5, 92), colour=FORWARD)
        picture.arrow((x + 5, 92), (x + 5, 150), colour=BACKWARD)
        picture.text(x, 166, name, maths=True, colour=FORWARD)
        picture.text(place, 128, gradient, maths=True, colour=BACKWARD, size=12)
    return picture


def computational_graph() -> Drawing:
    """Return y = x + tanh(xW + b) as a graph of single operations, with what comes back."""
    picture = Drawing(
        620,
        205,
        "A computational graph",
        "x leads to a product with W, then to a sum with b, then to a tanh, whose output h is "
        "added to x itself, which arrives along a second path; the sum is y. Beside each arrow "
        "another one leads back with a gradient; at x the two that come back are added.",
    )
    x = picture.box(40, 70, "x", width=38, height=32, fill="observed", maths=True)
    weight = picture.box(140, 170, "W", width=38, height=30, maths=True)
    bias = picture.box(250, 170, "b", width=38, height=30, maths=True)
    product = picture.circle(140, 70, "×", radius=17)
    add = picture.circle(250, 70, "+", radius=17)
    tanh = picture.box(365, 70, "tanh", width=56, height=32, fill="network")
    total = picture.circle(480, 70, "+", radius=17)
    y = picture.box(575, 70, "y", width=38, height=32, maths=True)
    for start, end in (
        (x, product),
        (weight, product),
        (product, add),
        (bias, add),
        (add, tanh),
        (tanh, total),
        (total, y),
    ):
        picture.arrow(start, end, colour=FORWARD, shift=5)
        picture.arrow(end, start, colour=BACKWARD, shift=5)
    picture.text(422, 50, "h", maths=True, colour=FORWARD, size=12)
    picture.line((35, 52), (35, 22), colour=FORWARD)
    picture.line((35, 22), (475, 22), colour=FORWARD)
    picture.arrow((475, 22), (475, 53), colour=FORWARD)
    picture.line((485, 53), (485, 12), colour=BACKWARD)
    picture.line((485, 12), (45, 12), colour=BACKWARD)
    picture.arrow((45, 12), (45, 53), colour=BACKWARD)
    picture.text(56, 118, "two gradients\nare added here", size=12, colour=BACKWARD)
    picture.text(528, 92, "dy", maths=True, colour=BACKWARD, size=12)
    picture.text(422, 92, "dy", maths=True, colour=BACKWARD, size=12)
    picture.text(500, 32, "dy", maths=True, colour=BACKWARD, size=12)
    return picture


def reparameterisation() -> Drawing:
    """Return the graph before and after: where the gradient may pass, and where it may not."""
    picture = Drawing(
        600,
        230,
        "The same draw, written in two ways",
        "Left: the encoder's parameters phi and the image x lead to a circle z, drawn from q, and "
        "on to the loss f. The way back stops at z, because a draw has no derivative. Right: z is "
        "a function of phi, x and a noise epsilon that is drawn outside, and the way back goes "
        "through z to phi.",
    )
    for left, title in ((0, "drawn inside"), (300, "drawn outside")):
        picture.text(left + 150, 18, title, size=14)
        f = picture.box(left + 150, 55, "f", width=40, height=30, maths=True)
        phi = picture.box(left + 90, 195, "φ", width=36, height=30, maths=True)
        x = picture.box(left + 150, 195, "x", width=36, height=30, fill="observed", maths=True)
        if left:
            z = picture.box(left + 150, 125, "z = g(φ, x, ε)", width=112, height=32, maths=True)
            eps = picture.circle(left + 215, 195, "ε", radius=17, fill="noise")
            picture.arrow(eps, z, colour=FORWARD)
        else:
            z = picture.circle(150, 125, "z", radius=20, fill="noise")
            picture.text(178, 125, "~ q(z | φ, x)", maths=True, anchor="start", size=12)
        picture.arrow(z, f, colour=FORWARD, shift=5)
        picture.arrow(f, z, colour=BACKWARD, shift=5)
        picture.arrow(phi, z, colour=FORWARD, shift=5 if left else 0)
        picture.arrow(x, z, colour=FORWARD)
        if left:
            picture.arrow(z, phi, colour=BACKWARD, shift=5)
        else:
            picture.text(78, 155, "no way back", size=12, colour=BACKWARD)
    picture.line((300, 30), (300, 215), colour=SOFT, dashed=True)
    return picture


def two_paths() -> Drawing:
    """Return the VAE's graph station by station, with the gradient that arrives at each."""
    picture = Drawing(
        700,
        250,
        "Forwards and backwards through a VAE",
        "A chain from x over a, h, the pair m and l, the latent z, u and g to the logits y and the "
        "reconstruction; a second path leads from m and l to the KL. Both end in the loss L. "
        "Below each arrow another one leads back with the gradient of the station that it reaches; "
        "at m and l the two that come back are added.",
    )
    names = ("x", "a", "h", "m, l", "z", "u", "g", "y")
    places = (35, 105, 175, 255, 345, 420, 490, 560)
    stations = [
        picture.box(
            place,
            90,
            name,
            width=56 if name == "m, l" else 38,
            height=32,
            maths=True,
            fill="observed" if name == "x" else "plain",
        )
        for place, name in zip(places, names, strict=True)
    ]
    loss = picture.box(655, 90, "L", width=38, height=32, maths=True)
    labels = ("W_1, b_1", "tanh", "W_2, b_2", "", "W_3, b_3", "tanh", "W_4, b_4", "")
    back = ("", "da", "dh", "dm, dl", "dz", "du", "dg", "dy")
    for k, (start, end) in enumerate(zip(stations, [*stations[1:], loss], strict=True)):
        picture.arrow(start, end, colour=FORWARD, shift=5)
        middle = (start.x + start.half_width + end.x - end.half_width) / 2
        picture.text(middle, 62, labels[k], size=11, colour=FORWARD, maths=labels[k] != "tanh")
        if k:
            picture.arrow(end, start, colour=BACKWARD, shift=5)
            picture.text(start.x, 122, back[k], size=12, colour=BACKWARD, maths=True)
    picture.text(607, 50, "reconstruction", size=12, colour=SOFT)
    eps = picture.circle(345, 25, "ε", radius=15, fill="noise")
    picture.arrow(eps, stations[4], colour=FORWARD)
    kl = picture.box(455, 200, "KL", width=46, height=32)
    picture.arrow(stations[3], kl, colour=FORWARD, shift=5)
    picture.arrow(kl, stations[3], colour=BACKWARD, shift=5)
    picture.arrow(kl, loss, colour=FORWARD, shift=5)
    picture.arrow(loss, kl, colour=BACKWARD, shift=5)
    picture.text(225, 160, "two gradients\nare added here", size=12, colour=BACKWARD)
    return picture
