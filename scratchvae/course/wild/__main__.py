"""Write ``docs/bugs_in_the_wild.md`` and its pictures: ``python -m scratchvae.course.wild``."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from scratchvae.course.wild import BUGS
from scratchvae.course.wild.page import page
from scratchvae.course.wild.pictures import STEPS, draw
from scratchvae.files import make_folder, write_text


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the page, and the pictures unless they are not wanted."""
    parser = argparse.ArgumentParser(
        prog="python -m scratchvae.course.wild",
        description="Write the page about bugs in the wild.",
    )
    parser.add_argument("folder", type=Path, nargs="?", default=Path("docs"), metavar="FOLDER")
    parser.add_argument("--no-pictures", action="store_true", help="keep those that are there")
    parser.add_argument("--only", nargs="+", choices=BUGS, default=list(BUGS), metavar="BUG")
    chosen = parser.parse_args(arguments)
    pictures = chosen.folder / "bugs_in_the_wild"
    make_folder(pictures)
    if not chosen.no_pictures:
        for name in chosen.only:
            draw(BUGS[name], pictures)
    write_text(chosen.folder / "bugs_in_the_wild.md", page(list(BUGS.values()), STEPS))


if __name__ == "__main__":
    main()
