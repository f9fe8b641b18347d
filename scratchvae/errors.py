"""The one error that the package raises about its input."""

import os
from collections.abc import Iterable
from difflib import get_close_matches

_MOST_LISTED = 30  # names in a message
_MOST_SHOWN = 80  # characters of a value in a message


class InputError(ValueError):
    """Something given to the package cannot be used.

    Its text is one line that says what was expected, what came, and what to do. The command line
    prints it and exits with code 2; a library user catches it as a ``ValueError``.

    Parameters
    ----------
    problem
        What was expected and what came; or the whole line, where there is no ``remedy``.
    remedy
        What to do, in terms of Python. An argument or a call is set in backticks, as in "choose
        another `folder`": the command line puts its own option there.
    """

    def __init__(self, problem: str, remedy: str = "") -> None:
        problem, remedy = _one_line(problem), _one_line(remedy)
        super().__init__(f"{problem}: {remedy}" if remedy else problem)
        self.problem = problem
        self.remedy = remedy


def _one_line(text: str) -> str:
    return " ".join(text.split()) if "\n" in text else text


def shown(value: object) -> str:
    """Return ``value`` as an error shows it: on one line, and no more of it than helps."""
    text = " ".join(repr(value).split())
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 4]} ..."


def as_numbers(values: object, name: str) -> str:
    """Return the advice how something that is no array of numbers becomes one, called ``name``."""
    if hasattr(values, "train_images"):
        return "give its train_images"
    if hasattr(values, "toarray"):  # SciPy's
        return f"give {name}.toarray()"
    if hasattr(values, "to_dense") and hasattr(values, "float"):  # PyTorch's
        return f"give {name}.to_dense().float().numpy()"
    if isinstance(values, str | os.PathLike):
        return f"load it, as in load({str(values)!r}).train_images"
    if isinstance(values, dict):
        return "give one of its arrays"
    if str(getattr(values, "dtype", "")) == "object" and getattr(values, "ndim", 0) == 1:
        return f"give np.stack(list({name})), if each is an array"
    return "convert it with .astype"


def not_defined(owner: object, method: str) -> InputError:
    """Return the error for a method that a class of the reader's own has to define."""
    kind = type(owner).__name__
    return InputError(f"{kind} does not define {method}", f"write a {method} in class {kind}")


def unknown_name(kind: str, name: object, names: Iterable[str], *, owner: str = "") -> InputError:
    """Return the error for a name that does not exist, with the nearest of the ``names`` that do.

    ``kind`` is what the name should be of: "recipe", "data set", …; ``owner`` is what has these
    names, where several things have names of this kind.
    """
    known = {each.lower(): each for each in names}
    problem = f"{owner} has no" if owner else "there is no"
    problem += f" {kind} {shown(name)}"
    if not known:
        return InputError(f"{problem}, nor any other")
    near = get_close_matches(str(name).lower(), known, n=1)
    if near:
        problem += f"; did you mean {known[near[0]]!r}?"
    if len(known) <= _MOST_LISTED:
        problem += f"{' The' if near else '; the'} {kind}s are {', '.join(known.values())}"
    return InputError(problem)
