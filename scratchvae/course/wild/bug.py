"""What the page says of one bug that was found in public."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scratchvae.course.wild.minimal import Gaussian, Minimal
from scratchvae.data.synthetic import make_synthetic_digits
from scratchvae.validation import FloatArray

_TOLD = (
    *("data", "encode", "draw", "decode", "loss", "validation_loss", "training"),
    *("likelihood", "decoder_gives", "spread", "variance", "beta"),
)


@dataclass(frozen=True)
class Bug:
    """A bug, the place where it was found, and our minimal VAE that has it.

    Attributes
    ----------
    title, place, links
        A heading; the place, with its version; and links into it.
    found
        What stands in the place.
    does
        What that does to the model, with the arithmetic.
    since
        What became of it in the versions that we have seen.
    remedy
        What is to be changed, in one line.
    causes
        What the doctor names, the root first; empty where it does not see the bug.
    faulty
        The minimal VAE that has it.
    healthy
        The one beside it in the picture; the minimal VAE itself where there is no other.
    pixels
        784 for digits of 28 × 28, 12288 for the same as pictures of 64 × 64 in three colours.
    """

    title: str
    place: str
    links: tuple[tuple[str, str], ...]
    found: str
    does: str
    since: str
    remedy: str
    causes: tuple[str, ...]
    faulty: type[Minimal]
    pixels: int = 784
    healthy: type[Minimal] = field(default=Minimal)

    @property
    def name(self) -> str:
        """Its name in files: that of its class, in small letters with dashes."""
        words = [f"-{c.lower()}" if c.isupper() else c for c in self.faulty.__name__]
        return "".join(words).lstrip("-")

    @property
    def picture(self) -> str:
        """The name of its picture: its own, but for one that is trained as another is."""
        return "small-weight" if self.name == "validated-with-another" else self.name

    def description(self) -> dict[str, Any]:
        """Return what the doctor is told of the patient: all but its steps of training."""
        vae = self.patient()
        return {name: getattr(vae, name) for name in _TOLD if getattr(vae, name, None) is not None}

    def patient(self) -> Minimal:
        """Return the faulty VAE, untrained, with 64 images for the doctor."""
        return self.faulty(images(64, self.pixels, seed=1))


def images(count: int, pixels: int = 784, *, seed: int = 0) -> FloatArray:
    """Return synthetic digits (N, P) from 0 to 1, as flat images of 28 × 28 × 1 or 64 × 64 × 3."""
    digits: FloatArray = make_synthetic_digits(count, seed=seed).images[..., 0] / 255
    if pixels == 784:
        return digits.reshape(count, -1)
    larger = digits.repeat(2, axis=1).repeat(2, axis=2)
    square = np.pad(larger, ((0, 0), (4, 4), (4, 4)))
    return np.repeat(square[..., None], 3, axis=3).reshape(count, -1)


__all__ = ["Bug", "Gaussian", "Minimal", "images"]
