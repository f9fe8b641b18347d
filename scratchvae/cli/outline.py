"""The commands by name, and the parser that only lists them: ``--help`` needs nothing else.

It imports none of the package's maths, so that help and the version are there at once.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from scratchvae.errors import InputError, unknown_name
from scratchvae.version import __version__

SUMMARIES = {
    "train": "train a recipe and draw its pictures",
    "data": "say what is in a data set, and how it is read",
    "sweep": "train a recipe with every combination of some choices",
    "draw": "draw a picture of a trained model",
    "evaluate": "measure trained models on their test images",
    "encode": "write the latents of images to a .npy file",
    "decode": "write the images of latents",
    "sample": "write images decoded from the prior",
    "interpolate": "write images on the way from one image to another through the latent space",
    "explore": "write a page, one HTML file, on which one moves through a model's latents",
    "gradcheck": "compare gradients with finite differences",
    "doctor": "find what is wrong with a VAE of your own, in NumPy, PyTorch or JAX",
    "reproduce": "train the models of a source and set its published figures beside ours",
    "bench": "measure kernels and training steps on this machine",
    "lessons": "copy the lessons into a folder of yours, and open them",
    "completion": "print what lets a shell complete commands, options, recipes and pictures",
}


def program() -> str:
    """Return how the program was called, for messages that are to be pasted."""
    as_module = Path(sys.argv[0]).parts[-2:] == ("scratchvae", "__main__.py")
    return "python -m scratchvae" if as_module else "scratchvae"


def make_top(name: str | None = None) -> tuple[argparse.ArgumentParser, Any]:
    """Return the parser, without any command yet, and what takes the commands' parsers.

    ``name`` is what the program is called in texts; ``None``: as it was called.
    """
    parser = Parser(
        prog=name or program(),
        description="Train variational autoencoders whose every gradient is derived by hand.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example:\n  scratchvae train zhao-mlp --epochs 3 --out runs/first",
    )
    parser.set_defaults(run=None)
    parser.add_argument("-V", "--version", action="version", version=f"scratchvae {__version__}")
    return parser, parser.add_subparsers(dest="command", metavar="COMMAND")


def make_outline() -> argparse.ArgumentParser:
    """Return a parser that knows of each command no more than what it is for."""
    parser, commands = make_top()
    for name, summary in SUMMARIES.items():
        commands.add_parser(name, help=summary)
    return parser


def is_outline(words: Sequence[str]) -> bool:
    """Return whether these words only ask what there is."""
    return list(words) in ([], ["--help"], ["-h"], ["--version"], ["-V"])


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, like all others of the program."""

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse, and refuse unknown words here, where it is known which command they went to."""
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            word = unknown[0].split("=")[0]
            if not word.startswith("-"):
                self.error(f"unexpected argument {word!r}")
            options = [name for name in self._option_string_actions if name.startswith("--")]
            self.error(str(unknown_name("option", word, options)))
        return parsed, unknown

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Refuse an unknown command, with the nearest of those that there are."""
        if isinstance(action, argparse._SubParsersAction) and value not in action.choices:
            self.error(str(unknown_name("command", value, action.choices)))
        super()._check_value(action, value)

    def error(self, message: str) -> NoReturn:
        """Raise ``InputError`` instead of ending the process."""
        raise InputError(f"{message} (see `{self.prog} --help`)")
