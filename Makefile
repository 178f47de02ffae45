# make demo    train, evaluate and search on drawn turtles
# make test    the tests
# make soak    the tests of faults, hostile files and crashes, for half an hour
# make check   style and types
# make page    the search as a web page
# make docs    the documentation site, into site/
# make bench   side-by-side timings
# Each makes .venv when there is none. PYTHON chooses the interpreter: make demo PYTHON=python3.13

PYTHON ?= python3
RUN = .venv/bin/python

.PHONY: demo test soak check bench page docs

demo: .venv/installed
	$(RUN) train_classifier_reid.py
	$(RUN) evaluate_reid_and_visualize.py
	$(RUN) search.py --rebuild

test: .venv/installed-dev
	$(RUN) -m pytest -n 2 --dist loadfile

soak: .venv/installed-dev
	WILDTRACK_SOAK=1 $(RUN) -m pytest -n 2 --dist loadfile tests/faults tests/test_app.py tests/web/test_schema.py tests/test_fileset.py tests/assess/test_splits.py

check: .venv/installed-dev
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

page: .venv/installed-app
	$(RUN) app.py

docs: .venv/installed-docs
	$(RUN) -m zensical build --strict --clean

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
	@$(PYTHON) -c "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))" || \
		{ echo "$(PYTHON) is not Python 3.11, 3.12 or 3.13; name one: make PYTHON=python3.12"; exit 2; }
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
