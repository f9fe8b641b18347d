"""Questions on what a sweep over c, or over the number of latents, can and cannot show."""

from scratchvae.course.exercises.exercise import Question

LESS_RATE = Question(
    name="less-rate",
    kind="prove",
    answer="B",
    mistakes={
        "the rate is settled; now put that into one of the two lines": "A",
        "the sum of error and rate has no meaning here: each c weighs them differently": "C",
        "it may be one model, if the curve has a corner there, but it need not be": "D",
    },
    hints=(
        "Add the left sides and the right sides: both errors cancel.",
        "What is left is 2 (c − c') (R − R') ≤ 0, and c < c'.",
        "With R' ≤ R in the first line, E + 2cR ≤ E' + 2cR' says something about the errors.",
    ),
)

LATENTS_WORTH_HAVING = Question(
    name="latents-worth-having",
    kind="predict",
    answer=3.0,
    within=0.01,
    mistakes={
        "the fourth direction's variance is below c: leave it out of the code": 4.0,
        "more directions than the two largest have a variance above c": 2.0,
        "six latents are there, and not every one of them has something to gain": 6.0,
    },
    hints=(
        "Which directions does (20.4) give a rate above 0?",
        "Count the variances above c.",
    ),
)

CALIBRATED_C = Question(
    name="calibrated-c",
    kind="measure",
    answer=None,
    within=0.3,
    hints=(
        "Compare the columns c and E/P: for a small c the second is larger, for a large c smaller.",
        "Take logarithms of both, and interpolate to where their difference is 0.",
    ),
)

SPARE_LATENTS = Question(
    name="spare-latents",
    kind="explain",
    answer="C",
    mistakes={
        "the KL is a sum over the latents, and a term of it may be 0": "A",
        "the best of a larger family is at least as good as that of a smaller one within it": "B",
        "the prior of a latent that says nothing is matched exactly, whatever their number": "D",
    },
    hints=(
        "What is the KL of a latent whose q(z | x) is N(0, 1) for every image?",
        "And what can a decoder do about an input that is only noise?",
    ),
)

EASIER_FASHION = Question(
    name="easier-fashion",
    kind="explain",
    answer="A",
    mistakes={
        "both have ten classes and as many images of each": "B",
        "the error is summed over the pixels that are there, and both have 784": "C",
        "a mean brightness is a constant, and a bias pays for it": "D",
    },
    hints=(
        "Compare the two numbers in the last two columns.",
        "A loss says how much is left over, not how good what is found looks to you.",
    ),
)
