"""Characters for consoles that lack others: ``1/3`` for ⅓, and an escape for what has none.

Texts are encoded with ``errors=PLAIN`` for it.
"""

import codecs

PLAIN = "scratchvae.plain"

_PLAIN = {
    "⅓": "1/3", "⅔": "2/3", "½": "1/2", "¼": "1/4", "¾": "3/4", "√": "sqrt ", "π": "pi",
    "≤": "<=", "≥": ">=", "≈": "~", "−": "-", "–": "-", "—": "-", "×": "x", "·": "*", "±": "+-",
    "…": "...", "²": "^2", "⁴": "^4", "₁": "1", "₂": "2", "→": "->", "‖": "||",
    "∞": "inf", "∂": "d", "Σ": "sum of",
    "α": "alpha", "β": "beta", "ε": "epsilon", "λ": "lambda", "µ": "u", "μ": "mu", "σ": "sigma",
    "“": '"', "”": '"', "‘": "'", "’": "'",
}  # fmt: skip


def escaped(character: str) -> str:
    """Return a character as Python writes it in ASCII."""
    return character.encode("unicode_escape").decode("ascii")


def _in_plain_characters(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    return "".join(_PLAIN.get(one) or escaped(one) for one in missing), error.end


codecs.register_error(PLAIN, _in_plain_characters)
