"""The exercises of lesson 2, "Dense layers"."""

from scratchvae.exercises.exercise import Exercise

EXERCISES: list[Exercise] = []
