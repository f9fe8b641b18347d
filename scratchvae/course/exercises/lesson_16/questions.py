"""The questions of lesson 16: what normalising takes away, and whose bound the loss is."""

from scratchvae.course.exercises.exercise import Question

BIAS_BEFORE = Question(
    name="bias-before",
    kind="predict",
    answer=0.0,
    mistakes={
        "what happens to y if the same number is added to all values of a channel?": 1.0,
    },
    hints=(
        "The bias is added to every value of its channel. What does the mean do with it?",
        "Its gradient is the sum of dx over the channel: (16.4).",
    ),
)

BATCHES_TO_FOLLOW = Question(
    name="batches-to-follow",
    kind="predict",
    answer=44.0,
    within=0.01,  # 43.7, not rounded, will do
    mistakes={
        "after 43 batches it is still 0.0108 away: one more": 43.0,
        "that would be so if each batch brought a tenth of the first distance; it brings a tenth "
        "of what is left": 10.0,
        "after that many, a tenth is left, not a hundredth": 22.0,
    },
    hints=(
        "After each batch nine tenths of the distance are left.",
        "Solve 0.9ⁿ = 0.01 for n.",
    ),
)

DIRECTIONS_LEFT = Question(
    name="directions-left",
    kind="prove",
    answer="C",
    mistakes={
        "they cannot be free: dx adds up to 0, and is orthogonal to x̂": "A",
        "one condition takes one direction, and (16.4) has two": "B",
        "it stays finite: the two conditions do not depend on the scale": "D",
    },
    hints=(
        "Two values of a channel have two numbers of gradient. What does (16.4) demand of them?",
        "Each of the two equations takes one direction away.",
    ),
)

WHOSE_BOUND = Question(
    name="whose-bound",
    kind="explain",
    answer="B",
    mistakes={
        "a bound on log p(x) needs a decoder that depends on this image's latent only; which "
        "images were in the batch must not matter": "A",
        "any q will do in the bound, also one that has looked at other images": "C",
        "it is a bound; the question is on what": "D",
    },
    hints=(
        "The bound of lesson 9 holds for every q. What does it ask of p(x | z)?",
        "With batch statistics in the decoder, what does the image decoded for z_1 depend on?",
    ),
)
