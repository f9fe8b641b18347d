"""The exercises of lesson 1, "A first look"."""

from scratchvae.exercises.exercise import Exercise

EXERCISES: list[Exercise] = []
