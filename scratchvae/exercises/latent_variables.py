"""The exercises of lesson 5, "Latent variables"."""

from scratchvae.exercises.exercise import Exercise

EXERCISES: list[Exercise] = []
