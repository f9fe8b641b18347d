"""The exercises of lesson 9, "Likelihoods"."""

from scratchvae.exercises.exercise import Exercise

EXERCISES: list[Exercise] = []
