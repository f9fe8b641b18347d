"""All exercises, by name and by lesson."""

from scratchvae.exercises import (
    autoencoders,
    dense_layers,
    elbo,
    first_look,
    gaussian_kl,
    latent_variables,
    likelihoods,
    probability,
    reparameterisation,
    your_vae,
)
from scratchvae.exercises.exercise import Exercise

LESSONS: tuple[list[Exercise], ...] = (
    first_look.EXERCISES,
    dense_layers.EXERCISES,
    autoencoders.EXERCISES,
    probability.EXERCISES,
    latent_variables.EXERCISES,
    elbo.EXERCISES,
    gaussian_kl.EXERCISES,
    reparameterisation.EXERCISES,
    likelihoods.EXERCISES,
    your_vae.EXERCISES,
)
"""Each lesson's exercises, in the order in which the lesson asks them."""

EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise for lesson in LESSONS for exercise in lesson
}
