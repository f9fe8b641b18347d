"""The former name of ``scratchvae.course``: kept for notebooks that import ``check`` from here."""

from scratchvae.course.exercises import check

__all__ = ["check"]
