"""The site's settings: ``make site`` builds it, without network, to be read without network."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import lesson_pages
import mathml
import reference_pages

import scratchvae

lesson_pages.write_pages()
mathml.write_font(Path(__file__).parent / "_static" / "STIXTwoMath.woff2")
reference_pages.write_pages()

project = "scratchvae"
author = "the scratchvae developers"
version = release = scratchvae.__version__
copyright = author

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_design",
    "mathml",
]
exclude_patterns = ["_build", "_templates", "lessons/README.md", "README.md"]

nb_execution_mode = "off"  # the lessons hold their outputs, and the tests hold them to the code
nb_merge_streams = True
nb_mime_priority_overrides = [("html", "application/vnd.jupyter.widget-view+json", None)]
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "deflist", "html_image"]
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
