"""The questions of lesson 25: reasons, and numbers to measure."""

from scratchvae.course.exercises.exercise import Question

WHAT_CANNOT_COLLAPSE = Question(
    name="what-cannot-collapse",
    kind="explain",
    answer="B",
    mistakes={
        "the prior is N(0, I) at the top of any hierarchy": "A",
        "its decoder is as flexible as any, and must be trained": "C",
        "noise is drawn in every hierarchy": "D",
    },
    hints=(
        "Collapse is something that an encoder does. What did it have to be able to do?",
        "It became the prior. Which encoder cannot?",
    ),
)

WITHOUT_A_GUESS = Question(
    name="without-a-guess",
    kind="measure",
    answer=None,
    within=0.02,
    mistakes={},
    hints=(
        "Put zeros in place of the guess, in (25.7), and sum over the steps.",
        "The mean of ‖ε‖² is the number of pixels: ½ (e^Δ − 1) P for each of T − 1 steps.",
    ),
)

NEEDLESS_LAYERS = Question(
    name="needless-layers",
    kind="explain",
    answer="A",
    mistakes={
        "at every layer the guess is the best there is, however many other layers there are": "B",
        "q(z_T | x) is the same for every T": "C",
        "a bound is a bound for any number of layers": "D",
    },
    hints=(
        "Compare ½ (e^Δ − 1) with ½ Δ, at Δ = 0.1 and at Δ = 2.",
        "In one large step back, p(z_{t−1} | z_t) is one Gaussian around a single guess.",
    ),
)
