"""What PyPI shows of the README: links and pictures that are found from anywhere, or none."""

import re
import runpy

import pytest
from pages import ROOT, text_of

pytest.importorskip("setuptools")
SETUP = runpy.run_path(str(ROOT / "setup.py"))
LINKS = re.compile(r'\]\(([^)]+)\)|src="([^"]+)"')


def test_where_the_address_is_known_links_and_pictures_lead_there():
    text = SETUP["for_pypi"](text_of("README"), "someone/scratchvae")
    links = [link or picture for link, picture in LINKS.findall(text)]
    assert len(links) == len(LINKS.findall(text_of("README")))
    assert all(link.startswith("https://github.com/someone/scratchvae/") for link in links)
    assert "/raw/HEAD/.github/pictures/manifold.png" in text
    assert "/blob/HEAD/docs/faq.md" in text
    assert SETUP["addresses"]("someone/scratchvae")["Issues"].endswith("/someone/scratchvae/issues")


def test_where_it_is_not_known_the_words_stay_and_nothing_leads_to_nowhere():
    text = SETUP["for_pypi"](text_of("README"))
    assert not LINKS.search(text)
    assert "questions that people ask" in text
    assert SETUP["addresses"]() == {}
