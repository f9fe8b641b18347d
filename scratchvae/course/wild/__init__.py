"""Bugs that were found in public, each as a minimal VAE of our own: ``docs/bugs_in_the_wild.md``.

``python -m scratchvae.course.wild`` writes the page and its pictures.
"""

from scratchvae.course.wild import draws, encoders, formulas, reductions
from scratchvae.course.wild.bug import Bug, images
from scratchvae.course.wild.minimal import Gaussian, Minimal

BUGS: dict[str, Bug] = {
    bug.name: bug for bug in [*draws.BUGS, *encoders.BUGS, *formulas.BUGS, *reductions.BUGS]
}

__all__ = ["BUGS", "Bug", "Gaussian", "Minimal", "images"]
