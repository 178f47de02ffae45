# make demo    train, evaluate and search on drawn turtles
# make test    the tests, without the slow ones
# make test-all  all tests
# make soak    the tests of faults, hostile files and crashes, for half an hour
# make check   style, types, risky code, packages with known vulnerabilities
# make lowest  the tests with the lowest versions that requirements.txt and requirements-app.txt allow
# make page    the search as a web page
# make docs    the documentation site, into site/
# make bench   side-by-side timings
# Each makes .venv when there is none. PYTHON chooses the interpreter: make demo PYTHON=python3.13

PYTHON ?= python3
RUN = .venv/bin/python
IS_RIGHT_PYTHON = $(PYTHON) -c "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))" || \
	{ echo "$(PYTHON) is not Python 3.11, 3.12 or 3.13; name one: make PYTHON=python3.12"; exit 2; }

.PHONY: demo test test-all soak check lowest bench page docs

demo: .venv/installed
	$(RUN) train_classifier_reid.py
	$(RUN) evaluate_reid_and_visualize.py
	$(RUN) search.py --rebuild

test: .venv/installed-dev
	$(RUN) -m pytest -n 2 --dist loadfile -m "not slow"

test-all: .venv/installed-dev
	$(RUN) -m pytest -n 2 --dist loadfile

soak: .venv/installed-dev
	WILDTRACK_SOAK=1 $(RUN) -m pytest -n 2 --dist loadfile tests/faults tests/commands/test_serve.py tests/web/test_schema.py tests/storage/test_sealed.py tests/assess/test_splits.py tests/access/test_planted_faults.py

check: .venv/installed-dev
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	$(RUN) -m bandit --quiet --recursive . --configfile pyproject.toml
	$(RUN) -m tools.audit_packages

lowest: .venv-lowest/installed
	.venv-lowest/bin/python -m pytest -n 2 --dist loadfile

page: .venv/installed-app
	$(RUN) app.py

docs: .venv/installed-docs
	PYTHONPATH="$(CURDIR)" TTY_COMPATIBLE=0 $(RUN) -m nbconvert --log-level WARN --execute --to markdown docs/notebooks/tour.ipynb
	$(RUN) -m zensical build --strict --clean
	@echo "Open site/index.html; for the search on it: python -m http.server --directory site"

bench: .venv/installed-dev
	$(RUN) -m benchmarks.start
	$(RUN) -m benchmarks.embedding
	$(RUN) -m benchmarks.training
	$(RUN) -m benchmarks.deterministic
	$(RUN) -m benchmarks.duplicates
	$(RUN) -m benchmarks.assess
	$(RUN) -m benchmarks.local
	$(RUN) -m benchmarks.metrics
	$(RUN) -m benchmarks.folder
	$(RUN) -m benchmarks.nearest
	$(RUN) -m benchmarks.memory
	$(RUN) -m benchmarks.web

.venv/installed: requirements.txt pyproject.toml
	@$(IS_RIGHT_PYTHON)
	test -x $(RUN) || $(PYTHON) -m venv .venv
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

.venv/installed-app: .venv/installed requirements-app.txt
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements-app.txt
	touch $@

.venv/installed-dev: .venv/installed requirements-app.txt requirements-dev.txt
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

.venv/installed-docs: .venv/installed requirements-docs.txt
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements-docs.txt
	touch $@

# the lower bounds, each made the one version allowed; the tools around them may be of any version
.venv-lowest/installed: requirements.txt requirements-app.txt requirements-dev.txt
	@$(IS_RIGHT_PYTHON)
	$(PYTHON) -m venv --clear .venv-lowest
	sed -nE 's/^([A-Za-z0-9._-]+)>=([0-9.]+)[^ ;]*/\1==\2/p' requirements.txt requirements-app.txt > .venv-lowest/lowest.txt
	.venv-lowest/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt -c .venv-lowest/lowest.txt
	touch $@
