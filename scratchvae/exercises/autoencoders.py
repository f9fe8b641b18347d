"""The exercises of lesson 3, "Autoencoders"."""

from scratchvae.exercises.exercise import Exercise

EXERCISES: list[Exercise] = []
