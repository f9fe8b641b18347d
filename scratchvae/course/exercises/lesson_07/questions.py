"""The questions of lesson 7: the evidence, what an estimate of it costs, and how it errs."""

from scratchvae.course.exercises.exercise import Question

POSTERIOR_FOR_PRIOR = Question(
    name="posterior-for-prior",
    kind="predict",
    answer=4.0,
    mistakes={
        "R is the variance over p(x)²; a mean square is the variance plus the square of the mean": (
            3.0
        ),
        "the mean square is divided by p(x) once, not by its root": 2.0,
    },
    hints=(
        "The integral on the right is a mean under the prior: of what?",
        "By (6.2) a mean square is Var + mean². The variance is R p(x)², and the mean is p(x).",
    ),
)

DRAWS_FROM_THE_POSTERIOR = Question(
    name="draws-from-the-posterior",
    kind="predict",
    answer=1.0,
    mistakes={
        "that would be right if the weights varied as much as their mean; do they vary at all?": (
            10_000.0
        ),
        "the error falls like 1/√K; but how large is it with one draw?": 100.0,
    },
    hints=("What is the variance of the weights in (7.10)?", "A constant needs no averaging."),
)

UNBIASED_AND_TOO_LOW = Question(
    name="unbiased-and-too-low",
    kind="explain",
    answer="C",
    mistakes={
        "nothing in (7.6) depends on the number of latents": "A",
        "(7.9) has no condition on the proposal but that it is positive": "B",
        "the sums were done in logarithms": "D",
    },
    hints=(
        "What does one have to see to get the mean right?",
        "Think of a lottery: the mean gain of a hundred tickets, if none of them wins.",
    ),
)

A_LIKELIHOOD_OF_A_GAN = Question(
    name="a-likelihood-of-a-gan",
    kind="explain",
    answer="C",
    mistakes={
        "what density would a network without pixel noise give to an image that it cannot make?": (
            "A"
        ),
        "its generator starts from a draw of latents, as a decoder does": "B",
        "(7.12) says that the logarithm of the estimate is too low": "D",
    },
    hints=(
        "Look at the third column of the table.",
        "How would you compute p(x) of a given image from a network that only makes images?",
    ),
)
