# make train: train a VAE and draw its pictures.  make test: the whole check.
# Both set up their own virtual environment in .venv; nothing else on the machine is touched.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
MUTANTS ?=
EXTRAS ?= dev
DEV := $(VENV)/installed-$(EXTRAS)
ON_BOTH_BACKENDS := tests/layers tests/probability tests/training tests/models \
  tests/engine/test_engine.py \
  tests/engine/test_beside_the_engine.py tests/course/test_lessons.py
IN_PLAIN_PYTHON := $(addprefix tests/kernels/test_,products.py convolution.py elementwise.py \
  batch_norm.py pass_tasks.py latents.py zero_skipping.py)

LOWEST := .venv-lowest
CHECKS ?= tests
OUT ?= my-lessons

.PHONY: train lessons notebooks site test lint types check check-numpy lowest nightly dist test-dist \
  without-numba released-version test-long test-browser coverage mutation format clean help

help:
	@echo "make train   train a VAE on MNIST (or synthetic digits) and draw its pictures"
	@echo "             make train ARGS='kingma-welling --epochs 5' for another recipe"
	@echo "make lessons copy the lessons to my-lessons, and open them in JupyterLab"
	@echo "make notebooks  execute the lessons anew, in place"
	@echo "make site    the lessons, questions and reference as pages, in docs/_build/html"
	@echo "make test    the whole check: format, lint, types, tests, lessons"
	@echo "             make test EXTRAS=dev,bench also holds it against PyTorch and JAX"
	@echo "make lowest  the tests with the lowest versions that setup.cfg declares"
	@echo "make nightly the tests with new random examples, the newest NumPy and Numba"
	@echo "make dist    what is released, sdist and wheel, checked; make test-dist installs and runs it"
	@echo "make test-long   what takes minutes: killed runs, hostile files, memory over time, the"
	@echo "             survey of broken VAEs"
	@echo "make test-browser  lessons, site and explorer in a real browser (needs Chromium)"
	@echo "make coverage  which lines and branches the tests run, kernels included"
	@echo "make mutation  which small mistakes in the code the tests see (an hour or more)"
	@echo "             make mutation MUTANTS='scratchvae.layers.*' for some of them"
	@echo "make format  mend the format"
	@echo "make clean   remove the environment and all that tools left"

train: $(VENV)/installed
	$(BIN)/scratchvae train $(ARGS)

lessons: $(VENV)/installed-lessons
	$(BIN)/scratchvae lessons $(OUT)

notebooks: $(VENV)/installed-lessons
	$(BIN)/python -m scratchvae.course.notebooks lessons/*.ipynb

# Built and read without network. What warns is a fault: a link to nowhere, a docstring misread.
site: $(VENV)/installed-site
	$(BIN)/python -m sphinx -q -W --keep-going -j auto -b html docs docs/_build/html
	@echo "open docs/_build/html/index.html"

test: lint types check check-numpy

lint: $(DEV)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(DEV)
	$(BIN)/mypy

# make check CHECKS='tests/layers tests/models' for some of them.
check: $(DEV)
	$(BIN)/python -m pytest --numprocesses auto $(CHECKS)

check-numpy: $(DEV)
	SCRATCHVAE_KERNELS=numpy $(BIN)/python -m pytest --numprocesses auto $(ON_BOTH_BACKENDS)

# Old Matplotlib calls pyparsing by names that newer versions of that warn of.
lowest:
	$(PYTHON) -m venv $(LOWEST)
	$(PYTHON) tests/support/declared.py dev > $(LOWEST)/lowest.txt
	echo 'pyparsing < 3.3' >> $(LOWEST)/lowest.txt
	$(LOWEST)/bin/python -m pip install --quiet --constraint $(LOWEST)/lowest.txt \
	  --editable '.[dev]'
	$(LOWEST)/bin/python -m pytest --numprocesses auto $(CHECKS)

# Where Numba cannot be imported at all, rather than is not asked for.
without-numba:
	$(PYTHON) -m venv .venv-numpy
	.venv-numpy/bin/python -m pip install --quiet --editable . pytest hypothesis scipy
	.venv-numpy/bin/python -m pip uninstall --quiet --yes numba llvmlite
	rm -rf build/without-numba
	.venv-numpy/bin/scratchvae train --data synthetic --epochs 1 --out build/without-numba
	.venv-numpy/bin/python -m pytest tests/layers tests/probability

# The tag and the version must be one.
released-version:
	@test "$(TAG)" = "v$$($(PYTHON) -c 'exec(open("scratchvae/version.py").read()); \
	  print(__version__)')" || { echo "the tag $(TAG) is not the version"; exit 1; }

# Numba's limit in setup.cfg is left aside: what comes next is to be seen early.
nightly: $(DEV)
	$(BIN)/python -m pip install --quiet --upgrade --pre numpy numba llvmlite
	HYPOTHESIS_PROFILE=nightly $(BIN)/python -m pytest --numprocesses auto $(CHECKS)

dist: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable '.[release]'
	rm -rf build dist
	$(BIN)/python -m build
	$(BIN)/twine check --strict dist/*
	$(BIN)/check-wheel-contents dist/*.whl
	$(BIN)/python tests/support/release_contents.py dist
	$(BIN)/check-jsonschema --builtin-schema vendor.citation-file-format CITATION.cff
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-forms \
	  $(filter-out %/config.yml,$(wildcard .github/ISSUE_TEMPLATE/*.yml))

# In an environment and a folder of its own, so that nothing of the clone can help.
test-dist: dist
	rm -rf build/elsewhere
	$(PYTHON) -m venv build/elsewhere
	build/elsewhere/bin/python -m pip install --quiet dist/*.whl
	cd build/elsewhere && bin/scratchvae train --data synthetic --epochs 1 --out run
	cd build/elsewhere && bin/scratchvae evaluate run
	cd build/elsewhere && bin/scratchvae lessons lessons --no-open

# Alone on the machine: it measures memory, and kills processes at random moments.
test-long: $(DEV)
	HYPOTHESIS_PROFILE=nightly $(BIN)/python -m pytest tests/long

test-browser: $(DEV) $(VENV)/installed-lessons site
	$(BIN)/python -m pip install --quiet --editable '.[browser]'
	$(BIN)/python -m pytest tests/browser

# Compiled lines cannot be counted, so the kernels run as plain Python first, on small shapes. What
# generates their code runs only when nothing is kept of it: hence a folder of its own. Lessons run
# in Jupyter's processes, where nothing is counted; and where steps are counted, answers that sleep
# for ever are not woken.
coverage: $(DEV)
	rm -rf .coverage .coverage-kernels
	NUMBA_DISABLE_JIT=1 $(BIN)/python -m pytest --numprocesses auto -m "not large" \
	  $(IN_PLAIN_PYTHON) --cov --cov-report=
	NUMBA_CACHE_DIR="$(CURDIR)/.coverage-kernels" $(BIN)/python -m pytest --numprocesses auto \
	  $(addprefix --ignore tests/course/test_,lessons.py running_answers.py) \
	  --cov --cov-append --cov-report=term:skip-covered
	$(BIN)/python tests/support/coverage_totals.py

# What survived is kept in mutants/: run it again after a change, and only that is tried anew.
mutation: $(DEV)
	$(BIN)/python -m pip install --quiet --editable '.[mutation]'
	SCRATCHVAE_KERNELS=numpy nice -n 10 $(BIN)/mutmut run $(MUTANTS)
	$(BIN)/mutmut results

format: $(DEV)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# A stamp file per set of packages, renewed when the project's own list of them changes.
$(VENV)/installed: setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "scratchvae needs Python 3.11 or newer: make $@ PYTHON=/path/to/python3.11"; exit 1; }
	@echo "installing (a minute or two) …"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(DEV): $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable '.[$(EXTRAS)]'
	@touch $@

$(VENV)/installed-lessons: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable '.[lessons]'
	@touch $@

$(VENV)/installed-site: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable '.[site]'
	@touch $@

clean:
	rm -rf docs/_build docs/lessons docs/reference docs/guide docs/code
	rm -f docs/_static/*.woff2 docs/_static/latent_explorer.html
	rm -rf $(VENV) $(LOWEST) .venv-numpy build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	rm -rf .coverage .coverage-kernels
	find . -type d '(' -name __pycache__ -o -name .ipynb_checkpoints ')' -prune -exec rm -rf {} +
