"""The former name of ``scratchvae.cli.parser``, kept for scripts."""

from scratchvae.cli.parser import make_parser

__all__ = ["make_parser"]
