"""The program ``scratchvae``: its parser, its commands, and what it says when one fails."""

from scratchvae.cli.main import main

__all__ = ["main"]
