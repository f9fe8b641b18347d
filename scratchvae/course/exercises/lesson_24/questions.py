"""The questions of lesson 24: numbers to predict or to measure, and reasons."""

from math import log

from scratchvae.course.exercises.exercise import Question

SLOPE_OF_A_STEP = Question(
    name="slope-of-a-step",
    kind="predict",
    answer=0.0,
    mistakes={"that is what straight-through pretends; finite differences see the function": 1.0},
    hints=(
        "What does the decoder get if z moves by a millionth?",
        "The same code as before, unless a border was crossed.",
    ),
)

WHERE_CODES_REST = Question(
    name="where-codes-rest",
    kind="prove",
    answer="B",
    mistakes={
        "the factor 2/N is the same in every term and drops out": "A",
        "no weights stand in the sum: each vector counts once": "C",
        "the distance is squared, so it is not the median": "D",
    },
    hints=(
        "Set the sum over the vectors of one code to zero.",
        "A sum of n terms e − z is n e minus the sum of the z.",
    ),
)

PRICE_OF_CODES = Question(
    name="price-of-codes",
    kind="predict",
    answer=6 * log(256),
    mistakes={
        "that is in bits; a nat is 1/log 2 bits": 6 * 8.0,
        "that is the price of one code; an image has 6 of them": log(256),
        "there are 256 choices each time: 256 to the power of 6 in all": log(6 * 256),
    },
    hints=(
        "q names one code with certainty: its KL to p is minus the logarithm of what p gives it.",
        "Each of 6 places costs log 256.",
    ),
)

LEAKY_TOTAL = Question(
    name="leaky-total",
    kind="measure",
    answer=None,
    within=1e-3,
    mistakes={"that is the total of a distribution, without the leak: measure it": 1.0},
    hints=(
        "Run the network with the leaky masks on all codes, and add up exp(−nats).",
        "np.exp(-code_nats(every_code, leaky_logits)[0]).sum()",
    ),
)

UNUSED_CODES = Question(
    name="unused-codes",
    kind="explain",
    answer="C",
    mistakes={
        "the learning rate is the same in both, and one of them uses its book": "A",
        "(24.4) has no β: it moves the codes, and here the vectors stay where they are": "B",
        "both have the same vectors, and the other book finds a use for most of its codes": "D",
    },
    hints=(
        "By (24.4), what moves a code that is nearest to no vector?",
        "How many codes are nearest to some vector, if all begin close together in a corner?",
    ),
)
