"""report.md and report.json: published figures beside ours."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from scratchvae.files import write_text
from scratchvae.json_files import write_json
from scratchvae.reproduce.experiments import Row

_HEADS = ("what", "published", "ours", "difference", "seconds")


def write_report(
    folder: Path,
    heading: str,
    sections: Sequence[tuple[str, Sequence[Row], Sequence[str], Sequence[Path]]],
) -> list[Path]:
    """Write both files to ``folder``, and return where they are.

    ``heading`` says how the report was made; ``sections`` are each source's title, rows, remarks
    and pictures.
    """
    parts = [f"# Published figures, and ours\n\n{heading}"]
    for title, rows, remarks, pictures in sections:
        table = markdown_table(_HEADS, [_cells(row) for row in rows])
        shown = [f"![{path.stem}]({path.relative_to(folder)})" for path in pictures]
        parts += [f"## {title}", table, *remarks, *shown]
    markdown, numbers = folder / "report.md", folder / "report.json"
    write_text(markdown, "\n\n".join(parts) + "\n")
    write_json(numbers, [asdict(row) for _, rows, _, _ in sections for row in rows])
    return [markdown, numbers]


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown, all columns but the first flush right."""
    lines = [f"| {' | '.join(cells)} |" for cells in (heads, *rows)]
    return "\n".join([lines[0], "|---|" + "---:|" * (len(heads) - 1), *lines[1:]])


def _cells(row: Row) -> list[str]:
    published = difference = "–"
    if row.published is not None:
        published, difference = _number(row.published), f"{row.ours - row.published:+.4g}"
    seconds = f"{row.seconds:.0f}" if row.seconds else "–"
    return [row.name, published, _number(row.ours), difference, seconds]


def _number(value: float) -> str:
    return f"{value:.1f}" if abs(value) >= 100 else f"{value:.4g}"
