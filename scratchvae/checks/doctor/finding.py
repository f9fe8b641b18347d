"""One line of the doctor's report."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["fault", "failing", "note", "ok", "unchecked"]

# A fault that explains others stands before them: what is wrong with the data or the description,
# then with the draw and the two terms, then their weights, then what only shows in training.
ORDER = (
    "pixels out of range",
    "logits for probabilities",
    "probabilities for logits",
    "mean for log-variance",
    "moments cut off",
    "batch norm on moments",
    "mean for draw",
    "variance for deviation",
    "log-variance for log-deviation",
    "log-variance for deviation",
    "shared noise",
    "same noise each step",
    "noise not normal",
    "draw formula",
    "KL sign",
    "KL formula",
    "wrong axis",
    "reconstruction formula",
    "loss not finite",
    "batch norm mode",
    "training and validation losses differ",
    "KL scale",
    "effective beta",
    "effective variance",
    "latents unused",
    "encoder cut off",
    "KL cut off",
    "decoder cut off",
    "bound above evidence",
    "does not learn",
)


@dataclass(frozen=True)
class Finding:
    """What an examination found.

    Attributes
    ----------
    cause
        A few stable words: for a fault one of ``ORDER``, else what was examined.
    sentence
        The same as a sentence about the user's VAE.
    evidence
        The numbers that show it, or why it could not be checked.
    remedy
        What to change.
    source
        Where the right equation stands.
    kind
        ``"fault"``, ``"failing"`` (a part of the user's gives nothing usable), ``"note"`` (true,
        and perhaps meant), ``"ok"`` or ``"unchecked"``.
    """

    cause: str
    sentence: str
    evidence: str = ""
    remedy: str = ""
    source: str = ""
    kind: Kind = "fault"

    @property
    def rank(self) -> int:
        """Its place among others: causes before their consequences."""
        return ORDER.index(self.cause) if self.cause in ORDER else len(ORDER)


def failing(part: str, how: str) -> Finding:
    """Return the line for a part of the user's that failed whenever it was called."""
    return Finding(
        part,
        f"`{part}` fails in every call",
        f"it {how}",
        "call it on a batch of your data, and mend what it says",
        kind="failing",
    )


def passed(subject: str, sentence: str, evidence: str = "") -> Finding:
    """Return the line for something that was examined and is right."""
    return Finding(subject, sentence, evidence, kind="ok")


def note(subject: str, sentence: str, evidence: str = "", remedy: str = "") -> Finding:
    """Return the line for something that is so, and may be meant."""
    return Finding(subject, sentence, evidence, remedy, kind="note")


def unchecked(subject: str, why: str) -> Finding:
    """Return the line for something that could not be checked."""
    return Finding(subject, "could not be checked", why, kind="unchecked")
