"""Train the models of a source, and set our figures beside those that it published."""

from collections.abc import Callable, Sequence
from pathlib import Path

from scratchvae.errors import unknown_name
from scratchvae.files import AnyPath, as_path, make_folder
from scratchvae.plots import save_figure
from scratchvae.reproduce import (
    diffusion,
    discrete,
    eecs230,
    factors,
    fleuret,
    hierarchical,
    kingma_welling,
    zhao,
)
from scratchvae.reproduce.experiments import Experiment, Results, Row, Source
from scratchvae.reproduce.report import write_report
from scratchvae.reproduce.reproduction import train_experiments
from scratchvae.runs.folders import check_free

__all__ = ["SOURCES", "Experiment", "Results", "Row", "Source", "reproduce"]

SOURCES = {
    "zhao": zhao.SOURCE,
    "fleuret": fleuret.SOURCE,
    "kingma-welling": kingma_welling.SOURCE,
    "eecs230": eecs230.SOURCE,
    "hierarchical": hierarchical.SOURCE,
    "factors": factors.SOURCE,
    "discrete": discrete.SOURCE,
    "diffusion": diffusion.SOURCE,
}


def reproduce(
    name: str,
    folder: AnyPath,
    *,
    epochs: int | None = None,
    quick: bool = False,
    data_dir: str | None = None,
    workers: int | None = 1,
    scheduler: str | None = None,
    report: Callable[[str], None] = print,
    progress: bool = True,
) -> list[Path]:
    """Train what is needed, and write report.md, report.json and the source's figures, redrawn.

    Parameters
    ----------
    name
        One of ``SOURCES``, or ``"all"``.
    folder
        Where to write. Existing runs are used; one that was stopped, or has fewer epochs, is
        trained further if that makes it the requested one.
    epochs
        For every model; ``None``: as its source says.
    quick
        A tenth of the images and two epochs, in a folder of their own: to see it work.
    data_dir
        Where the data sets are; ``None``: where ``scratchvae.data.load`` looks.
    workers, scheduler
        How many models are trained at once, and where: see ``scratchvae.sweeps.sweep``. More than
        one starts new processes, so that a program does it under ``if __name__ == "__main__":``.
    report
        Called with a line for each run that is done.
    progress
        Whether to show one progress bar for everything.

    Returns
    -------
    The paths of the report and the figures.

    Raises
    ------
    InputError
        If there is no such source, or the folder cannot be used: its runs are of other settings,
        for instance, of other images or of more epochs, or there is a report that is not ours.
    KeyboardInterrupt
        On Ctrl-C; the same call continues.
    """
    if not isinstance(name, str) or name not in (*SOURCES, "all"):
        raise unknown_name("source", name, (*SOURCES, "all"))
    chosen: Sequence[Source] = list(SOURCES.values()) if name == "all" else [SOURCES[name]]
    folder = as_path(folder)
    figures = folder / "figures"
    if not any((folder / runs).exists() for runs in ("runs", "quick-runs")):
        # Nothing there is of an earlier reproduction.
        drawn = (f"figures/{path.name}" for path in figures.glob("*.png"))
        check_free(folder, ("report.md", "report.json", *drawn))
    make_folder(figures)
    results = train_experiments(
        (experiment for source in chosen for experiment in source.experiments),
        folder / ("quick-runs" if quick else "runs"),
        epochs=epochs,
        quick=quick,
        data_dir=data_dir,
        workers=workers,
        scheduler=scheduler,
        report=report,
        progress=progress,
    )
    sections = []
    for source in chosen:
        report(f"measuring: {source.title}")
        rows = list(source.rows(results))
        pictures = []
        for stem, figure in source.draw(results):
            pictures.append(figures / f"{stem}.png")
            save_figure(figure, pictures[-1])
        sections.append((source.title, rows, source.remarks(results, rows), pictures))
    how = f"`scratchvae reproduce {name}`, seed 0 unless a run's name has another, "
    how += "losses in nats per image."
    if quick:
        how += " Quick: a tenth of the images, two epochs; no figure to compare with."
    elif epochs is not None:
        how += f" {epochs} epochs each, not the sources' own numbers."
    return [*write_report(folder, how, sections), *(p for s in sections for p in s[3])]
