"""The texts of README and ``docs``: their blocks of Python, their pictures, their links."""

import re
from pathlib import Path

import scratchvae

ROOT = Path(scratchvae.__file__).parents[1]
TEXTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def text_of(name):
    """Return the README, or a page of ``docs``."""
    path = ROOT / "README.md" if name == "README" else ROOT / "docs" / f"{name}.md"
    return path.read_text(encoding="utf-8")


def block_with(words, name):
    """Return the only block of Python of a page that has these words."""
    blocks = re.findall(r"```python\n(.*?)```", text_of(name), re.DOTALL)
    (found,) = (block for block in blocks if words in block)
    return found
