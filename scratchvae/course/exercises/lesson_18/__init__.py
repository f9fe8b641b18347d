"""The exercises of lesson 18, "The convolutional VAE", in the order in which it asks them."""

from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.exercises.lesson_18.networks import AUTOENCODER, ZHAO_NETWORKS
from scratchvae.course.exercises.lesson_18.pieces import RELU_LAYER, RESHAPE, SIGMOID_LAYER
from scratchvae.course.exercises.lesson_18.questions import (
    MOMENTS,
    MOMENTS_ARE_NOT_ENOUGH,
    PRODUCTS,
    SWITCH_OF_THE_WRONG_NETWORK,
    WIDER_NETWORK,
    aggregate_moments,
)

__all__ = ["EXERCISES", "aggregate_moments"]

EXERCISES: list[Exercise | Question] = [
    RESHAPE,
    RELU_LAYER,
    SIGMOID_LAYER,
    ZHAO_NETWORKS,
    PRODUCTS,
    WIDER_NETWORK,
    SWITCH_OF_THE_WRONG_NETWORK,
    AUTOENCODER,
    MOMENTS,
    MOMENTS_ARE_NOT_ENOUGH,
]
