"""The questions of lesson 9: what the two KLs of a bound say."""

from scratchvae.course.exercises.exercise import Question

THE_THIRD_NUMBER = Question(
    name="the-third-number",
    kind="predict",
    answer=-18.0,
    mistakes={
        "the KL to the prior is subtracted in (9.8): add it to the bound": -28.0,
        "the gap is between the bound and log p(x): the bound is below": -12.0,
        "that is the bound; the reconstruction is a part of it": -23.0,
    },
    hints=("First the bound, from (9.6).", "Then solve (9.8) for its first term."),
)

A_KL_OF_ZERO = Question(
    name="a-kl-of-zero",
    kind="prove",
    answer="C",
    mistakes={
        "the gap is the other KL, to the posterior": "A",
        "that would be the KL to the posterior": "B",
        "how should the decoder know which image it was?": "D",
    },
    hints=("Between which two distributions is this KL?", "When is a KL divergence 0?"),
)
