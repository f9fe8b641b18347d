"""Questions on when latents are used: a threshold, a proof, a flat direction and a curve."""

from math import log

from scratchvae.course.exercises.exercise import Question


def nats_upstairs(share: float) -> float:
    """Return the KL of an upper latent that explains a share of the lower one's variance: eq. 21.6.

    The lower latent is N(0, 1) over the data. Its own layer's nats fall by as much, so the sum of
    both layers does not depend on the share.
    """
    return -0.5 * log(1 - share)


NO_DECODER_HELPS = Question(
    name="no-decoder-helps",
    kind="prove",
    answer="C",
    mistakes={
        "f may be any network; nothing has been assumed about it, nor has (11.9) been used": "A",
        "that is true, and it bounds log p(x) from below; here it is to be bounded from above": "B",
        "(21.2) also holds for the p(x) that no encoder can match": "D",
    },
    hints=(
        "On which side of the first ≤ does the logarithm stand inside the mean?",
        "The mean of a logarithm is at most the logarithm of the mean.",
    ),
)

NATS_ABOVE_THE_THRESHOLD = Question(
    name="nats-above-the-threshold",
    kind="predict",
    answer=log(16),
    mistakes={
        "that is one direction's; there are two": 0.5 * log(16),
        "½ log in each of two directions": 2 * log(16),
        "in nats, not bits": log(16) / log(2),
    },
    hints=(
        "(11.9) gives each direction ½ log(λ/c).",
        "Two directions of λ/c = 16.",
    ),
)

NATS_UPSTAIRS = Question(
    name="nats-upstairs",
    kind="predict",
    answer=nats_upstairs(0.75),
    mistakes={
        "the ½ is missing": 2 * nats_upstairs(0.75),
        "it is what is left unexplained, 1 − ρ, that stands under the logarithm": -0.5 * log(0.75),
    },
    hints=(
        "Insert the mean square ρ and the variance 1 − ρ into the KL to N(0, 1).",
        "−½ log(1 − ρ), with ρ = ¾.",
    ),
)

WHOSE_FAILURE = Question(
    name="whose-failure",
    kind="explain",
    answer="B",
    mistakes={
        "a latent is there to be used where that pays, and on the cloud it does not": "A",
        "a better bound is within reach on one of them, as another row of the table shows": "C",
        "how many kinds there are to tell apart is what an upper layer is for": "D",
    },
    hints=(
        "Compare the mismatch (21.5) of the two data sets.",
        "What can an upper layer win on the cloud, even with the best of remedies?",
    ),
)
