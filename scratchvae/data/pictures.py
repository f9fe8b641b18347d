"""Read a folder of pictures: PNG, JPEG, BMP, GIF, WebP and TIFF, by Pillow.

Folders in the folder are classes, named by their names in alphabetical order (numbers in their
own); or the splits ``train``, ``validation`` and ``test``, with classes in them.

Dimensions: N pictures of H rows, W columns and C channels.
"""

import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.data.arrays import SPLITS
from scratchvae.data.picture_files import Kind, kind_of, pixels_of
from scratchvae.data.reading import Reading
from scratchvae.data.stored import Images, as_stored
from scratchvae.errors import InputError
from scratchvae.files import cannot_read, make_folder, user_cache_folder
from scratchvae.progress import progress_bar

SUFFIXES = {
    *(".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".pbm"),
}
IN_MEMORY = 1 << 28  # bytes of pixels; more are decoded into a file
_SPLIT_OF = {word: split for split, words in SPLITS.items() for word in words}
_SPLIT_OF |= {"training": "train", "testing": "test"}


@dataclass(frozen=True)
class Pictures:
    """The pictures of a folder.

    Attributes
    ----------
    splits
        Images (N, H, W, C), of 8 or 16 bits, and their classes, by split; "all" if there are none.
    class_names
        The names of the classes, in order.
    notes
        What was done with some of the pictures, in words.
    """

    splits: dict[str, tuple[Images, NDArray[Any] | None]]
    class_names: tuple[str, ...]
    notes: tuple[str, ...]


def read_pictures(folder: Path, reading: Reading, *, progress: bool = True) -> Pictures:
    """Read the pictures in a folder and the folders in it.

    Raises
    ------
    InputError
        If there are none, one of them cannot be read, or they differ in size and no other is
        chosen; or if they may be transparent, and ``alpha`` does not say what is seen then.
    """
    reading.refuse("pictures", "axes", "labels")
    files, left_out = _pictures_in(folder)
    groups = _by_split(folder, files)
    names, labels = _classes(folder, groups)
    every = [path for paths in groups.values() for path in paths]
    with progress_bar(progress and len(every) > 1000, total=2 * len(every), unit=" files") as bar:
        kinds = []
        for path in every:
            kinds.append(kind_of(path))
            bar.update(1)
        notes = [f"{_files(left_out)} left out"] if left_out else []
        notes += _agreed(folder, every, kinds, reading)
        images = _decoded(every, kinds, reading, bar)
    splits, start = {}, 0
    for split, paths in groups.items():
        place = slice(start, start + len(paths))
        part = images[place] if isinstance(images, np.ndarray) else images.subset(place)
        splits[split] = (part, labels.get(split))
        start += len(paths)
    return Pictures(splits, names, tuple(notes))


def _pictures_in(folder: Path) -> tuple[list[Path], int]:
    """Return the pictures in a folder and in those below, in order, and how many files are none."""
    found, others = [], 0

    def fail(error: OSError) -> None:
        raise cannot_read(Path(error.filename or folder), error, "check your permission to read it")

    for place, folders, files in os.walk(folder, onerror=fail, followlinks=True):
        folders[:] = sorted(
            f
            for f in folders
            if not f.startswith(".") and f != "__MACOSX" and not _leads_back(place, f)
        )
        for name in sorted(files):
            if name.startswith("."):
                continue
            if Path(name).suffix.lower() in SUFFIXES:
                found.append(Path(place) / name)
            else:
                others += 1
    if not found:
        raise InputError(
            f"there are no pictures in the folder {str(folder)!r} ({_files(others)})",
            _named_alone(folder)
            or f"give a folder with files of the kinds {', '.join(sorted(SUFFIXES))}",
        )
    return found, others


def _leads_back(place: str, folder: str) -> bool:
    """Tell whether a folder is a link to one that it lies in."""
    link = os.path.join(place, folder)
    return os.path.islink(link) and os.path.samefile(
        os.path.commonpath([os.path.realpath(place), os.path.realpath(link)]), link
    )


def _files(count: int) -> str:
    return f"{count:,} other file{'s' if count != 1 else ''}"


def _named_alone(folder: Path) -> str:
    """Return the advice to name a file in the folder, if there is one that is data by itself."""
    whole = (".npy", ".npz", ".csv", ".tsv", ".parquet")
    found = sorted(name for name in os.listdir(folder) if name.lower().endswith(whole))
    return f"name a file in it, such as {str(folder / found[0])!r}" if found else ""


def _by_split(folder: Path, files: list[Path]) -> dict[str, list[Path]]:
    """Return the pictures of each split, if the folders in the folder are splits; else "all"."""
    tops = {path.relative_to(folder).parts[0].lower() for path in files}
    if not tops <= _SPLIT_OF.keys() or "train" not in {_SPLIT_OF[top] for top in tops}:
        return {"all": files}
    groups: dict[str, list[Path]] = {}
    for split in SPLITS:
        of_split = [p for p in files if _SPLIT_OF[p.relative_to(folder).parts[0].lower()] == split]
        if of_split:
            groups[split] = of_split
    return groups


def _classes(
    folder: Path, groups: dict[str, list[Path]]
) -> tuple[tuple[str, ...], dict[str, NDArray[Any]]]:
    """Return the names of the classes, and each split's labels; both empty without classes."""
    above = 0 if "all" in groups else 1
    parts = {s: [p.relative_to(folder).parts[above:-1] for p in g] for s, g in groups.items()}
    every = [part for split in parts.values() for part in split]
    loose = sum(not part for part in every)
    if loose == len(every):
        return (), {}
    if loose:
        raise InputError(
            f"of the pictures in {str(folder)!r} {len(every) - loose:,} are in folders, which are "
            f"classes, and {loose:,} lie beside these",
            "put every picture into the folder of its class, or all of them into one folder",
        )
    unsorted = {part[0] for part in every}
    counted = all(name.isdecimal() for name in unsorted)
    names = sorted(unsorted, key=lambda name: (int(name), name) if counted else (0, name))
    numbers = {name: number for number, name in enumerate(names)}
    labels = {s: np.array([numbers[part[0]] for part in split]) for s, split in parts.items()}
    return tuple(names), labels


def _agreed(
    folder: Path, files: Sequence[Path], kinds: Sequence[Kind], reading: Reading
) -> list[str]:
    """Raise ``InputError`` unless all pictures go together; return what is done with some."""
    sizes = Counter((kind.rows, kind.columns) for kind in kinds)
    notes = []
    if len(sizes) > 1 and reading.size is None:
        (usual, most), *_ = sizes.most_common()
        place = next(i for i, k in enumerate(kinds) if (k.rows, k.columns) != usual)
        other = files[place].relative_to(folder).as_posix()
        raise InputError(
            f"the pictures in {str(folder)!r} are of {len(sizes):,} sizes: {most:,} of "
            f"{len(kinds):,} of {_times(usual)}, but {other!r} of "
            f"{_times((kinds[place].rows, kinds[place].columns))}",
            f'resize them all, as with size="{_times(usual)}" (`size`), or remove the others',
        )
    if reading.size is not None and (len(sizes) > 1 or reading.size not in sizes):
        notes.append(f"resized to {_times(reading.size)}")
    moving = sum(kind.frames > 1 for kind in kinds)
    if moving:
        notes.append(f"of {moving:,} with several frames the first")
    halved = sum(kind.halved for kind in kinds)
    if halved:
        notes.append(f"{halved:,} of 16 bits read as 8")
    opaque = sum(kind.opaque for kind in kinds)
    if opaque and reading.alpha != "keep":
        notes.append(f"an alpha channel that is opaque left out of {opaque:,}")
    clear = sum(kind.clear for kind in kinds)
    if clear and reading.alpha is None:
        raise InputError(
            f"{clear:,} of {len(kinds):,} pictures in {str(folder)!r} have transparent pixels (an "
            "alpha channel)",
            'say what is seen through them, with alpha="white" or "black", or keep that channel '
            'with alpha="keep" (`alpha`)',
        )
    if clear and reading.alpha != "keep":
        notes.append(f"transparent pixels made {reading.alpha}")
    deep = sum(kind.deep for kind in kinds)
    if 0 < deep < len(kinds):
        raise InputError(
            f"{deep:,} of {len(kinds):,} pictures in {str(folder)!r} have 16 bits a pixel, the "
            "others 8",
            "convert these or those",
        )
    colour = sum(kind.colour for kind in kinds)
    if 0 < colour < len(kinds):
        notes.append(f"{len(kinds) - colour:,} grey ones read as colour")
    return notes


def _decoded(files: Sequence[Path], kinds: Sequence[Kind], reading: Reading, bar: Any) -> Images:
    """Return all pictures, (N, H, W, C): in memory, or, if they are many, in a file of no name."""
    sides = reading.size or (kinds[0].rows, kinds[0].columns)
    deep, colour = kinds[0].deep, any(kind.colour for kind in kinds)
    keeps = reading.alpha == "keep" and any(kind.clear or kind.opaque for kind in kinds)
    shape = (len(files), *sides, (3 if colour else 1) + keeps)
    dtype = np.dtype(np.uint16 if deep else np.uint8)
    bytes_in_all = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    mode = ("RGBA" if colour else "LA") if keeps else ("RGB" if colour else "L")
    if bytes_in_all <= IN_MEMORY:
        images = np.empty(shape, dtype)
        for place, path in enumerate(files):
            images[place] = pixels_of(path, mode, sides, reading.alpha, deep)
            bar.update(1)
        return images
    # The file has no name any more once it is open, so nothing is left of it afterwards.
    cache = user_cache_folder()
    make_folder(cache)
    try:
        with tempfile.TemporaryFile(dir=cache) as file:
            for path in files:
                file.write(pixels_of(path, mode, sides, reading.alpha, deep).tobytes())
                bar.update(1)
            file.flush()
            return as_stored(np.memmap(file, dtype, "r", shape=shape), file)
    except OSError as error:
        raise InputError(
            f"cannot keep the {bytes_in_all / 1e9:.1f} GB of decoded pictures in "
            f"{str(cache)!r}: {error.strerror or error}",
            "free some space, or choose a smaller `size`",
        ) from None


def _times(sides: tuple[int, int]) -> str:
    return f"{sides[0]}x{sides[1]}"
