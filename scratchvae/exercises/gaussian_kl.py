"""The exercises of lesson 7, "The Gaussian KL"."""

from scratchvae.exercises.exercise import Exercise

EXERCISES: list[Exercise] = []
