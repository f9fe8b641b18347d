"""The site's settings: ``make site`` builds it, without network, to be read without network."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import kernel_ladder
import lesson_sources
import live_explorer
import mathml
import reference_pages
import sources
from sphinx.application import Sphinx

import scratchvae

lesson_sources.write_pages()
live_explorer.write_page()
mathml.write_font(HERE / "_static" / "STIXTwoMath.woff2")
reference_pages.write_pages()
sources.write_pages()

project = "scratchvae"
author = "the scratchvae developers"
version = release = scratchvae.__version__
copyright = author

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_design",
    "accessibility",
    "docstrings",
    "equations",
    "mathml",
    "search_sections",
]
exclude_patterns = ["_build", "_templates"]
templates_path = ["_templates"]
default_role = "code"

nb_execution_mode = "off"  # the lessons hold their outputs, and the tests hold them to the code
nb_merge_streams = True
nb_mime_priority_overrides = [("html", "application/vnd.jupyter.widget-view+json", None)]
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "deflist", "html_image"]
myst_enable_extensions += ["substitution"]
myst_substitutions = kernel_ladder.shares()
myst_heading_anchors = 3
myst_dmath_double_inline = True

autodoc_typehints = "none"
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = "scratchvae"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_show_search_summary = False  # which would need a server


def setup(app: Sphinx) -> None:
    """Have the links of pages that are written here lead to pages of the site."""

    def link(app: Sphinx, page: str, text: list[str]) -> None:
        if "/" not in page and (HERE / f"{page}.md").exists():
            text[0] = sources.of_the_site(page, text[0])
        if page == sources.FRONT:
            app.env.note_dependency("../README.md")

    app.connect("source-read", link)
