"""The exercises of lesson 10, "Your VAE"."""

from scratchvae.exercises.exercise import Exercise

EXERCISES: list[Exercise] = []
