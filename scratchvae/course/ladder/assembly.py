"""What a compiled loop became: how much of its arithmetic is done on whole vectors.

Instructions on vectors of float32 are ``mulps``, ``vfmadd231ps``, … with x86, and have operands
like ``v1.4s`` with ARM; those on single numbers are ``mulss``, … and have operands like ``s1``.
"""

import re
from collections.abc import Collection
from typing import Any, NamedTuple

from scratchvae.errors import InputError

_VECTOR = re.compile(r"\t(?:v?(?:add|sub|mul|fn?m\w+\d)ps|f(?:add|sub|mul|mla)\tv\d+\.\ds)\b")
_SINGLE = re.compile(r"\t(?:v?(?:add|sub|mul|fn?m\w+\d)ss|f(?:add|sub|mul|madd)\ts\d+)\b")


class Arithmetic(NamedTuple):
    """How many additions and multiplications of float32 are in machine code, of either kind."""

    on_vectors: int
    on_numbers: int


def arithmetic(compiled: Any) -> Arithmetic:
    """Return the arithmetic in the machine code of a compiled function, which has been called."""
    texts: Collection[str] = getattr(compiled, "inspect_asm", dict)().values()
    if not texts:
        raise InputError("the function has no machine code yet: compile it, and call it once")
    code = "\n".join(texts)
    return Arithmetic(len(_VECTOR.findall(code)), len(_SINGLE.findall(code)))
