"""What is said of a run: what it is, how far it has come, and where it has stopped."""

from typing import Any

from scratchvae.models.summary import count_parameters
from scratchvae.runs import Run


def describe(run: Run) -> str:
    """Return what is trained, and how many parameters it has."""
    latents = _counted(run.model.latent_dim, "latent")
    return f"{run.config['recipe']} with {latents}, {count_parameters(run.model):,} parameters"


def progress(run: Run, resumed: bool) -> str:
    """Return how far a run is to go, and how far it has come."""
    epochs = _counted(run.trainer.settings.epochs, "epoch")
    if run.stopped_early:
        return f"stopped early, after {_counted(run.trainer.epoch, 'epoch')}"
    if run.complete:
        return f"already complete ({epochs}); use a larger --epochs to continue"
    return f"continuing after {run.trainer.epoch} of {epochs}" if resumed else epochs


def stopping_place(run: Run, saved: bool) -> str:
    """Say where Ctrl-C has stopped a run, and what of it is kept."""
    epochs = run.trainer.settings.epochs
    if run.stopped_early:
        return "stopped after the last epoch, before all pictures were drawn"
    if run.complete:
        return f"stopped after all {_counted(epochs, 'epoch')}, before all pictures were drawn"
    if saved:
        return f"stopped in epoch {run.trainer.epoch + 1} of {epochs}, and saved"
    if run.checkpoint.exists():
        return "stopped at once, and kept what was saved before"
    return "stopped before anything was saved"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' if count != 1 else ''}"


def all_choices(run: Run) -> dict[str, Any]:
    """Return every choice of a run by its name."""
    config = run.config
    return {name: config[name] for name in ("seed", "latent_dim")} | {
        name: value for kind in ("options", "settings") for name, value in config[kind].items()
    }
