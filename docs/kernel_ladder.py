"""What each rung of the kernels' ladder reaches, as lesson 17 has measured it."""

import json
import re

from sources import ROOT

LESSON = ROOT / "lessons" / "17_fast_kernels.ipynb"

_SHARE = re.compile(r"^(.+): ([\d.]+%) of the ceiling", re.M)
_TILE = re.compile(r"The tile reaches ([\d.]+%) of the ceiling, at ([\d.]+) times")
_WINOGRAD = re.compile(r"([\d.]+) times fewer multiplications were ([\d.]+) times as fast")
_THREADS = re.compile(r"Here (\d+) threads were ([\d.]+) times as fast as one")

# The lesson's names of the rungs, and the page's: of the product, then of the convolution.
_PRODUCT = {
    "Python loop": "python",
    "NumPy, outer products": "outer_products",
    "the loop, compiled": "compiled",
    "B: i, k, j": "rows",
    "blocks": "blocks",
    "packed panels": "panels",
}
_CONVOLUTION = {
    "Python loop": "convolution_python",
    "NumPy, a product for each tap": "convolution_taps",
    "the loop, compiled": "convolution_compiled",
    "register tile": "convolution_tile",
}


def shares() -> dict[str, str]:
    """Return what the page ``kernels`` says with a number, by name."""
    texts = [
        "".join(output["data"]["text/markdown"])
        for cell in json.loads(LESSON.read_text("utf-8"))["cells"]
        for output in cell.get("outputs", [])
        if "text/markdown" in output.get("data", {})
    ]
    found: dict[str, str] = {}
    for text in texts:
        names = _CONVOLUTION if "register tile:" in text else _PRODUCT
        for rung, share in _SHARE.findall(text):
            if rung in names:
                found[names[rung]] = share
    everything = "\n".join(texts)
    for pattern, names in (
        (_TILE, ("tile", "beside_numpy")),
        (_WINOGRAD, ("fewer", "winograd")),
        (_THREADS, ("threads", "by_threads")),
    ):
        (measured,) = pattern.findall(everything)
        found |= dict(zip(names, measured, strict=True))
    return found
