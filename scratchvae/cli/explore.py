"""``explore``: a page on which one moves through a model's latents."""

import argparse
from pathlib import Path
from typing import Any

from scratchvae.cli.common import add_command
from scratchvae.cli.latents import add_images, add_model, images_of, opened
from scratchvae.cli.text import say
from scratchvae.cli.values import expected, read_path
from scratchvae.files import as_path


def add_explore(subparsers: Any) -> None:
    """Add the command."""
    add = add_command(
        subparsers,
        "explore",
        "scratchvae train --data synthetic --epochs 1 --out runs/coded\n"
        "  scratchvae explore runs/coded --out explorer.html",
        explore,
    )
    add_model(add)
    out = "a file that ends in .html (default: DIR/explorer.html)"
    add("--out", metavar="FILE", type=_read_page, help=out)
    add_images(add)


def explore(options: argparse.Namespace) -> int:
    """Write a model's explorer, with the run's test images or those that are given."""
    from scratchvae.explorer import write

    model, run = opened(options.model)
    known = run is not None or options.images is not None
    images, labels = images_of(options, model, run, classes=True) if known else (None, None)
    folder = as_path(options.model if run is not None else options.model.parent)
    out = options.out or folder / "explorer.html"
    write(model, out, images, labels)
    say(f"wrote {out}")
    return 0


def _read_page(text: str) -> Path:
    """Return the name of an HTML file."""
    path = read_path(text)
    if path.suffix.lower() not in (".html", ".htm"):
        raise expected("a name that ends in .html", path.name)
    return path
