"""What ``evaluate`` prints: the figures of one run and what they mean, or a table over runs."""

import argparse
import json
import math

from scratchvae.cli.text import say
from scratchvae.data import Dataset
from scratchvae.plots.captions import kl_meaning
from scratchvae.runs import Run
from scratchvae.version import __version__

_COMPARED = ("loss", "reconstruction", "kl", "elbo")


def evaluate(options: argparse.Namespace) -> int:
    """Print the mean loss of test images, its terms, and the bound on log p(x), of each run."""
    several = len(options.folders) > 1
    width = max(len(str(folder)) for folder in options.folders)
    for place, folder in enumerate(options.folders):
        run = Run.open(folder)
        data = run.load_data(options.data_dir)
        figures = run.evaluate(data, importance_samples=options.importance_samples, progress=True)
        if options.json:
            # JSON has no infinity, as the standard error of a single draw is.
            known = {name: v if math.isfinite(v) else None for name, v in figures.items()}
            of_run = {
                "run": str(folder),
                "recipe": run.config["recipe"],
                "data": data.name,
                "seed": run.config["seed"],
                "epochs": run.trainer.epoch,
                "version": __version__,
            }
            print(json.dumps(of_run | known))
        elif several:
            row = {name: figures.get(name, math.nan) for name in _COMPARED}
            if not place:
                print("in nats per image, on the test images of each run's data")
                say(f"{'':{width}}" + "".join(f"{name:>16}" for name in row))
            say(f"{folder!s:{width}}" + "".join(f"{value:16.3f}" for value in row.values()))
        else:
            _print_figures(run, data, figures)
    return 0


def _print_figures(run: Run, data: Dataset, figures: dict[str, float]) -> None:
    """Print what was measured of a run, and what it means."""
    of_class, and_class = (" | class", ", class") if run.model.classes else ("", "")
    meanings = {
        "loss": "what training minimised",
        "reconstruction": f"-log p(x | z{and_class}), without the constants left out in training",
        "kl": kl_meaning(run.model),
        "elbo": f"lower bound on log p(x{of_class}), all constants included",
        "nll": "-log p(x), estimated with importance weights",
        "nll_standard_error": "its standard error, over draws of z",
        "importance_samples": "draws of z per image for that estimate",
    }
    print(f"{run.config['recipe']} on the test images of {data.name}, in nats per image")
    width = max(15, *(len(name) + 1 for name in figures))
    for name, value in figures.items():
        shown = f"{value:12d}" if isinstance(value, int) else f"{value:12.3f}"
        print(f"  {name:{width}}{shown}   {meanings[name]}")
