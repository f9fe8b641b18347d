"""The questions of lesson 7: what an estimate of the evidence costs, and how it errs."""

from scratchvae.course.exercises.exercise import Question

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
