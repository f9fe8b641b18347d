"""The exercises of lesson 8, "Reparameterisation"."""

from scratchvae.exercises.exercise import Exercise

EXERCISES: list[Exercise] = []
