"""The exercises of lesson 6, "The ELBO"."""

from scratchvae.exercises.exercise import Exercise

EXERCISES: list[Exercise] = []
