# The README's two commands are `make demo` and `make test`. Each makes .venv by itself.
ARGS ?=
ONLY ?=
AGAINST ?=
LIMIT ?=
ROUNDS ?=
SECONDS ?= 60
PYTHON_FILES := src tests checks bench scripts
BIN := .venv/bin

# What is tested starts many processes, which import what was compiled before.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test browser screenshots check interop up bench compiled fuzz lint types layers format lock clean
.DEFAULT_GOAL := help

help: ## Show what can be made
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.venv/.installed: requirements.lock pyproject.toml
	@./scripts/install

compiled: .venv/.installed ## Compile the data plane, if its sources have changed
	@$(BIN)/python scripts/compile.py

demo: compiled ## Run the whole story on real engines (ARGS="--json FILE --calls N --keep")
	@$(BIN)/weir demo $(ARGS)

up: compiled ## Start the platform and leave it running
	@$(BIN)/weir up $(ARGS)

test: compiled browser lint types layers ## Run every check and test
	@$(BIN)/pytest -n 2 --dist loadgroup $(ARGS)

browser: # Chromium for the browser tests
	@./scripts/browser

screenshots: compiled browser ## Photograph the pages of a demo into screenshots/ (ARGS="--only NAME")
	@PYTHONPATH=tests $(BIN)/python tests/browser/screenshots.py $(ARGS)

check: compiled ## Run the slower groups: the built package, and clients of others
	@$(BIN)/pytest -c checks/pytest.ini checks $(ARGS)

interop: compiled ## Run openid-client and oauth4webapi against a running weir (needs Node)
	@$(BIN)/pytest -c checks/pytest.ini checks/test_interop.py -v -rP $(ARGS)

bench: compiled ## Run the benchmarks (ONLY=name; AGAINST=COMMIT LIMIT=1.02 ROUNDS=20 compares)
	@$(BIN)/python -m bench $(ONLY) $(addprefix --against=,$(AGAINST)) \
		$(addprefix --limit=,$(LIMIT)) $(addprefix --rounds=,$(ROUNDS))

fuzz: compiled ## Look for requests that parsers read differently (SECONDS=60)
	@$(BIN)/python tests/unit/wire/fuzz_search.py $(SECONDS)

lint: .venv/.installed
	@$(BIN)/ruff check $(PYTHON_FILES)
	@$(BIN)/ruff format --check --quiet $(PYTHON_FILES)

types: .venv/.installed
	@$(BIN)/mypy

layers: .venv/.installed
	@$(BIN)/lint-imports

format: .venv/.installed ## Format the code
	@$(BIN)/ruff check --fix $(PYTHON_FILES)
	@$(BIN)/ruff format $(PYTHON_FILES)

lock: ## Renew the lock file (needs uv)
	@uv pip compile pyproject.toml --group dev --universal --generate-hashes --quiet --output-file requirements.lock

clean: ## Remove the virtual environment and caches, not the data in .weir/
	@rm -rf .venv .bench .mypy_cache .pytest_cache .ruff_cache
