# Everything a user runs. `make up` and `make test` on a fresh machine need Python 3.11+, Java 17+ and Maven.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
EXTRAS ?=
ARGS ?=

.PHONY: install up down status check lint types pure test verify bench clean

install: $(STAMP)
	@:

$(STAMP): requirements.lock pyproject.toml Makefile infra/install.sh
	@sh infra/install.sh $(VENV) "$(EXTRAS)"
	@touch $@

up: install
	@$(BIN)/tapedeck up $(ARGS)

down: install
	@$(BIN)/tapedeck down

status: install
	@$(BIN)/tapedeck status

# Under a minute, and needs nothing that runs.
check: install
	@$(MAKE) --no-print-directory --jobs=2 --keep-going --output-sync=target lint types pure

lint:
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/lint-imports

types:
	$(BIN)/mypy

pure:
	$(BIN)/python -m pytest -q -n 2 -m "not services and not thorough" --hypothesis-profile=quick $(ARGS)

test: install
	@$(BIN)/python -m infra.embedded.maven
	$(BIN)/python -m pytest -q -n 2 --dist loadfile $(ARGS)

verify: install
	@$(BIN)/tapedeck verify $(ARGS)

bench: install .venv-peer/.installed
	@$(BIN)/tapedeck bench $(ARGS)

# The rival of the benchmarks pins an older Kafka client, so it has an environment of its own.
.venv-peer/.installed: requirements-peer.lock
	@sh infra/install.sh .venv-peer peer
	@touch $@

# Only what can be made again. Data stays: it is in .tapedeck.
clean:
	rm -rf $(VENV) .venv-uv .venv-peer build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
