"""What screen readers and keyboards need, and neither Sphinx nor the theme writes."""

from typing import Any

from sphinx.application import Sphinx

# What scrolls within itself can be reached by the keyboard; a heading says of which level it is.
_OF_TEXT = (
    ("<pre>", '<pre tabindex="0">'),
    ('<div class="table-wrapper', '<div tabindex="0" class="table-wrapper'),
)
_OF_NAVIGATION = (('role="heading"', 'role="heading" aria-level="2"'),)


def _complete(
    app: Sphinx, page: str, template: str, context: dict[str, Any], document: Any
) -> None:
    for key, changes in (("body", _OF_TEXT), ("furo_navigation_tree", _OF_NAVIGATION)):
        for written, completed in changes:
            if key in context:
                context[key] = context[key].replace(written, completed)


def setup(app: Sphinx) -> dict[str, Any]:
    """Complete each page after the theme has had its turn."""
    app.connect("html-page-context", _complete, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
