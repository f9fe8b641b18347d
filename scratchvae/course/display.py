"""What the lessons share: digits to learn from, sizes for a quick run, computed prose, sliders."""

import os
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any

from scratchvae.checks.arguments import check_function, described
from scratchvae.data import Dataset, load
from scratchvae.errors import InputError
from scratchvae.plots.figures import CLASS_COLOURS
from scratchvae.validation import check_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FAST_VARIABLE = "SCRATCHVAE_FAST"  # "1": just enough work to show that everything runs
DATA_VARIABLE = "SCRATCHVAE_LESSON_DATA"  # "synthetic": as if MNIST could not be had
STATIC_VARIABLE = "SCRATCHVAE_STATIC"  # "1": pictures instead of sliders

# Okabe and Ito's colours, which readers who are colour-blind can tell apart.
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000")
_TITLES = {"mnist": "MNIST", "synthetic": "synthetic digits in place of MNIST"}

Slider = tuple[float, float, float, float] | list[Any]
"""Lowest, highest, step and start of a number; or a list of choices that starts at the first."""


def style() -> None:
    """Set how the lessons' pictures look: in notebooks with twice as many dots as they are wide.

    The colour map ``digits`` is that of the package's own pictures.
    """
    import matplotlib as mpl
    from cycler import cycler
    from IPython import get_ipython
    from matplotlib.colors import ListedColormap

    mpl.colormaps.register(ListedColormap(CLASS_COLOURS, "digits"), force=True)
    mpl.rcParams.update(
        {
            "figure.dpi": 80,
            "savefig.dpi": 80,
            "figure.constrained_layout.use": True,
            "font.size": 10,
            "axes.titlesize": 10,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.prop_cycle": cycler(color=_COLOURS),
            "image.cmap": "gray",
            "image.interpolation": "nearest",
        }
    )
    if get_ipython() is not None:
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("retina")  # type: ignore[no-untyped-call]


def is_fast() -> bool:
    """Whether the lessons should do just enough to show that everything runs."""
    return os.environ.get(FAST_VARIABLE) == "1"


def sized(full: Any, fast: Any) -> Any:
    """Return ``full``, or ``fast`` where SCRATCHVAE_FAST=1."""
    return fast if is_fast() else full


def digits(train: int | None = None, test: int | None = None) -> Dataset:
    """Return MNIST, or synthetic digits where it cannot be had, and print which.

    Parameters
    ----------
    train, test
        How many of the first images of each set to keep; ``None`` keeps all.
    """
    for count, name in ((train, "train"), (test, "test")):
        if count is not None:
            check_count(count, name)
    data = load(os.environ.get(DATA_VARIABLE) or "auto", progress=False)
    data = data.first(train, test)
    counts = f"{len(data.train_images):,} images to train on, {len(data.test_images):,} to test"
    print(f"{_TITLES.get(data.name, data.name)}: {counts}")
    return data


def say(markdown: str) -> None:
    """Show Markdown with computed figures in it."""
    from IPython.display import Markdown, display

    if not isinstance(markdown, str):
        raise InputError(
            f"markdown must be text, not {described(markdown)}: put it into an f-string"
        )
    display(Markdown(markdown))


def explore(draw: Callable[..., "Figure"], *, describe: str, **sliders: Slider) -> None:
    """Show a picture with sliders where Jupyter is live, and only the picture elsewhere.

    Parameters
    ----------
    draw
        Returns the picture for a value of every slider.
    describe
        What the picture shows at the start, in a sentence for those who cannot see it.
    sliders
        ``name=(lowest, highest, step, start)``, or ``name=[choices]``.
    """
    from IPython.display import Image, display

    check_function(draw, "draw", "from a value of each slider to a figure")
    if os.environ.get(STATIC_VARIABLE) == "1":
        starts = {name: _start(name, slider) for name, slider in sliders.items()}
        picture, width = _png(draw(**starts))
        display(Image(data=picture, width=width), metadata={"image/png": {"alt": describe}})
        say(f"*{describe} Run this cell in Jupyter to move the sliders.*")
        return
    display(box_of_sliders(draw, sliders))
    say(f"*{describe}*")


def box_of_sliders(draw: Callable[..., "Figure"], sliders: Mapping[str, Slider]) -> Any:
    """Return the widgets of ``explore``: sliders, and under them a picture that follows them."""
    import ipywidgets

    check_function(draw, "draw", "from a value of each slider to a figure")
    starts = {name: _start(name, slider) for name, slider in sliders.items()}
    picture, width = _png(draw(**starts))
    image = ipywidgets.Image(value=picture, format="png", width=width)
    controls: dict[str, Any] = {}
    for name, slider in sliders.items():
        shown = {"description": name.replace("_", " "), "style": {"description_width": "initial"}}
        if isinstance(slider, list):
            controls[name] = ipywidgets.SelectionSlider(options=slider, **shown)
            continue
        low, high, step, _ = slider
        whole = all(float(number).is_integer() for number in slider)
        kind = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
        controls[name] = kind(value=starts[name], min=low, max=high, step=step, **shown)

    def redraw(_: Any) -> None:
        chosen = {name: control.value for name, control in controls.items()}
        image.value, _ = _png(draw(**chosen))

    for control in controls.values():
        control.observe(redraw, names="value")
    return ipywidgets.VBox([*controls.values(), image])


def _start(name: str, slider: Slider) -> Any:
    if isinstance(slider, list) and slider:
        return slider[0]
    numbers = isinstance(slider, tuple) and all(isinstance(each, int | float) for each in slider)
    if not numbers or len(slider) != 4:
        raise InputError(
            f"slider {name} must be (lowest, highest, step, start) or a list of choices, "
            f"not {described(slider)}"
        )
    low, high, step, start = slider
    if not (low <= start <= high and step > 0):
        raise InputError(f"slider {name} must start between {low} and {high}, not at {start}")
    return start


def _png(figure: "Figure") -> tuple[bytes, int]:
    """Return a figure at twice its size in dots, and how wide it is to be shown."""
    from matplotlib import pyplot

    check_function(
        getattr(figure, "savefig", None), "the savefig of what draw returns", "of a file"
    )
    file = BytesIO()
    figure.savefig(file, format="png", dpi=2 * figure.dpi)
    pyplot.close(figure)  # or Jupyter shows it once more, and pyplot keeps it forever
    return file.getvalue(), int(figure.get_figwidth() * figure.dpi)
