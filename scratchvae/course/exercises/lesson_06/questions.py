"""The question of lesson 6 on what makes a model generative."""

from scratchvae.course.exercises.exercise import Question

WHICH_IS_GENERATIVE = Question(
    name="which-is-generative",
    kind="explain",
    answer="B",
    mistakes={
        "it says which digit an image shows, and needs the image for that": "A",
        "it needs six numbers to paint from, and no distribution says which": "C",
        "it judges images that somebody else has to make, and its number is no probability": "D",
    },
    hints=(
        "From which of them can you draw something without putting an image in?",
        "A joint distribution is needed: the product of a prior and a likelihood is one.",
    ),
)
