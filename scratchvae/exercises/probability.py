"""The exercises of lesson 4, "Probability"."""

from scratchvae.exercises.exercise import Exercise

EXERCISES: list[Exercise] = []
