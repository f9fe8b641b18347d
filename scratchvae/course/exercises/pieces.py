"""The pieces that later cells use: the reader's own where they are right, ours where not yet."""

from typing import Any

from scratchvae.course.exercises.checking import judge
from scratchvae.course.exercises.exercise import Exercise
from scratchvae.course.own_program import load, ours, own_file, own_pieces
from scratchvae.errors import InputError


def yours(*pieces: str) -> Any:
    """Return pieces of the reader's own program, and print whose they are.

    A piece that is missing or wrong is ours, also where the reader's other pieces use it.

    Parameters
    ----------
    pieces
        Their names in the program.

    Returns
    -------
    Any
        The piece, or a tuple of several.
    """
    standing_in = [ours(piece) for piece in pieces]
    try:
        module = load()
    except InputError as error:
        print(f"{error}: all pieces are ours, until that is mended.")
        return standing_in[0] if len(pieces) == 1 else tuple(standing_in)
    own = own_pieces(module)
    for name, answer in [*own.items()]:
        found = judge(_exercise(name), answer)
        if found is not None:
            setattr(module, name, ours(name))
            del own[name]
            if name in pieces:
                print(f"{name} in {own_file()}: {found.sentence or 'not done'}.")
    chosen = [own.get(piece, ours(piece)) for piece in pieces]
    theirs = [piece for piece in pieces if piece in own]
    rest = [piece for piece in pieces if piece not in own]
    said = [f"{', '.join(theirs)}: yours, from {own_file()}"] if theirs else []
    said += [f"{', '.join(rest)}: ours, until yours {'is' if len(rest) == 1 else 'are'} right"]
    print(". ".join(said if rest else said[:1]) + ".")
    return chosen[0] if len(pieces) == 1 else tuple(chosen)


def _exercise(piece: str) -> Exercise:
    """Return the exercise that asks for a piece."""
    from scratchvae.course.exercises.catalogue import EXERCISES

    asking = (each for each in EXERCISES.values() if getattr(each, "piece", "") == piece)
    return next(each for each in asking if isinstance(each, Exercise))
