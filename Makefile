# Every target sets up what it needs by itself; `make run` on a fresh machine needs Python 3.11+ and make, nothing else.
#
#   make run     the server on this machine      make test    all tests
#   make demo    the same, with six cases        make lint    ruff, ruff format, mypy --strict
#   make setup   prepares, starts nothing        make bench   figures of this machine
#   make messages  French catalogue brought up to date from code and templates
#   make chaos     100,000 deadlines and 100,000 mails, four workers, killed and frozen at random
#                  (ARGS="--database postgresql": the server crashes too; "--deadlines 2000 --mails 2000": fewer)
#   make lock      lock files anew from pyproject.toml (needs uv)

SHELL := /bin/sh
.DEFAULT_GOAL := run
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: setup run demo test lint bench chaos messages catalogues instance lock

BIN := .venv/bin
INSTANCE := $(or $(DISCLOSURE_INSTANCE),instance)
LOCKS := requirements-build.txt requirements-test.txt
READY := .venv/.ready
PO := $(wildcard disclosure/translations/*/LC_MESSAGES/messages.po)
MO := $(PO:.po=.mo)
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
EXTRACT := -F pyproject.toml -k "translate:2 translate_many:2,3 lazy_gettext lazy_ngettext:1,2" --no-wrap \
	--add-location=file --sort-by-file --project=disclosure --version=0.1.0 --msgid-bugs-address=
UPDATE := --no-fuzzy-matching --ignore-obsolete --no-wrap --ignore-pot-creation-date

setup: $(READY) catalogues instance

ifdef DEMO
run: demo
else
run: setup
	@exec $(BIN)/disclosure serve
endif

demo: setup
	@exec $(BIN)/disclosure demo

# make test ARGS="tests/protocol -k ladder"
test: setup
	@$(BIN)/python -m pytest -n auto --dist loadfile -ra $(ARGS)

lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: setup
	@$(BIN)/python -m benchmarks $(ARGS)

chaos: setup
	@$(BIN)/python -m tests.chaos.storm $(ARGS)

catalogues: $(MO)

%.mo: %.po | $(READY)
	@$(BIN)/pybabel -q compile --input-file $< --output-file $@ --locale $(notdir $(patsubst %/LC_MESSAGES/,%,$(dir $<)))

instance:
	@mkdir -p -m 700 "$(INSTANCE)"

messages: $(READY)
	@mkdir -p build
	@$(BIN)/pybabel -q extract $(EXTRACT) --output-file build/messages.pot disclosure templates
	@$(BIN)/pybabel -q update $(UPDATE) --input-file build/messages.pot --output-dir disclosure/translations
	@$(MAKE) --no-print-directory catalogues
	@echo "Translate what is empty: grep -B3 'msgstr \"\"' $(PO)"

# The build lock comes first: PGPy exists as source only, and is then built with exactly these tools.
# pip takes wheels from wherever its own configuration says; the hashes say which.
$(READY): $(LOCKS) pyproject.toml Makefile
	@set -eu; \
	python=; seen=; \
	for candidate in $${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do \
		version=$$($$candidate -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue; \
		seen="$$seen $$candidate is $$version;"; \
		$$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' || continue; \
		python=$$candidate; break; \
	done; \
	if [ -z "$$python" ]; then \
		echo "Python 3.11 or newer is needed.$${seen:- None was found.} Another one: make PYTHON=/path/to/python3" >&2; exit 1; \
	fi; \
	if ! $$python -c 'import venv, ensurepip' 2>/dev/null; then \
		echo "$$python has no venv module. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; \
	fi; \
	echo "Preparing .venv with Python $$version (a minute or two, once)"; \
	if ! $(BIN)/python -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$$version')" 2>/dev/null; then \
		$$python -m venv --clear .venv; \
	fi; \
	$(PIP) --require-hashes -r requirements-build.txt; \
	$(PIP) --no-build-isolation --require-hashes -r requirements-test.txt; \
	PYTHONWARNINGS=ignore $(PIP) --no-build-isolation --no-deps --editable .; \
	touch $@; \
	echo "Ready"

COMPILE := uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-header \
	--no-emit-index-url --no-emit-find-links

# ARGS=--upgrade takes newer versions; without it only what pyproject.toml asks for changes.
lock:
	@command -v uv >/dev/null || { echo "make lock needs uv" >&2; exit 1; }
	@printf 'pip\nsetuptools>=80\nwheel\n' | $(COMPILE) $(ARGS) --allow-unsafe --output-file requirements-build.txt -
	@$(COMPILE) $(ARGS) --output-file requirements.txt pyproject.toml
	@$(COMPILE) $(ARGS) --extra test -c requirements.txt --output-file requirements-test.txt pyproject.toml
	@if grep -nE '://|^ *--(index|extra-index|find-links)' requirements*.txt; then \
		echo "An index address stands in a lock file" >&2; exit 1; fi
