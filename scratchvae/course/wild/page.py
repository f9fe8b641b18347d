"""The page of the docs about bugs in the wild, made of the bugs themselves."""

import inspect
from functools import cache

from scratchvae.checks.doctor import DoctorReport
from scratchvae.checks.doctor.examination import doctor_of
from scratchvae.course.wild.bug import Bug

_HEAD = """# Bugs in the wild

A VAE with a bug trains all the same. These {count} were found in public programs: in courses, in
libraries' own examples, beside papers. Most of the places are good ones, and many people have
learned from them; that is why the bugs matter, and why they are worth learning from. Many were
mended long ago, nearly all of them because a reader looked closely and wrote a friendly note.

Nobody's code is copied here. Each bug is written anew as one part of
[a minimal VAE]({source}/minimal.py) that is right otherwise, and that is what the doctor is given:

```python
from scratchvae import doctor
from scratchvae.course.wild import BUGS

doctor(**BUGS["{example}"].description())  # data, encode, draw, decode, loss, …
```

Its reports below are printed as it writes them. It sees {seen} of the {count}; what it
does not see is marked. Each picture has the faulty VAE and the right one
after the same {steps} steps on synthetic digits, with the KL of $q$ as the right formula has it, in
nats an image. `python -m scratchvae.course.wild` makes this page and its pictures anew. In the
arithmetic, $R$ is the reconstruction term of an image, summed over its pixels, and $\\mathrm{{KL}}$
the KL, summed over its latents.

| bug | where | the doctor says |
|---|---|---|
{table}
"""

_SOURCE = "../scratchvae/course/wild"
_ENTRY = """
## {title}

**Found in** {place} ({links}).

{found}

**In our words** (`{name}`):

```python
{code}
```

**What it does.** {does}

**The doctor{verdict}**

```text
{report}
```

![{title}: reconstructions and samples](bugs_in_the_wild/{picture}.png)

**The fix**: {remedy}

**Since then**: {since}
"""


@cache
def report(bug: Bug) -> DoctorReport:
    """Return what the doctor says of a bug today."""
    return doctor_of(bug.description())


def page(bugs: list[Bug], steps: int) -> str:
    """Return the page about these bugs in Markdown."""
    table = [_row(bug) for bug in bugs]
    head = _HEAD.format(
        count=len(bugs),
        seen=sum(bool(bug.causes) for bug in bugs),
        source=_SOURCE,
        example=bugs[0].name,
        steps=steps,
        table="\n".join(table),
    )
    return head + "".join(_entry(bug) for bug in bugs)


def _row(bug: Bug) -> str:
    causes = "; ".join(bug.causes) or "nothing"
    return f"| [{bug.title}](#{_anchor(bug.title)}) | {bug.place.split(',')[0]} | {causes} |"


def _entry(bug: Bug) -> str:
    links = ", ".join(f"[{name}]({address})" for name, address in bug.links)
    return _ENTRY.format(
        title=bug.title,
        place=bug.place,
        links=links,
        found=bug.found,
        name=bug.name,
        picture=bug.picture,
        code=inspect.getsource(bug.faulty).rstrip(),
        does=bug.does,
        report=report(bug),
        verdict="" if bug.causes else " does not see this one",
        remedy=bug.remedy,
        since=bug.since,
    )


def _anchor(title: str) -> str:
    """Return what GitHub and MyST make of a heading."""
    kept = "".join(c for c in title.lower() if c.isalnum() or c in " -_")
    return kept.replace(" ", "-")
