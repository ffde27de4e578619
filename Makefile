.DEFAULT_GOAL := help
.PHONY: help run token migrate doctor test bench guard lint format openapi build clean

ARCH ?= arm64
BUILD_DIR ?= .aws-sam/build
export SAM_CLI_TELEMETRY = 0

help: ## list the commands
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

run: .venv/local ## serve the API on port 8000 and a page on 5173 (PORT=…, PAGE_PORT=…)
	@exec .venv/bin/python -m local

token: .venv/local ## print a development token (USER=alice)
	@.venv/bin/python -m local.tokens "$(USER)"

migrate: .venv/local ## bring the database at DATABASE_URL up to date
	@.venv/bin/python -m taskapi.migrate

doctor: .venv/local ## say why a token isn't accepted (TOKEN=…)
	@.venv/bin/python -m local.doctor

test: .venv/dev .venv-sam/bin/sam ## run all tests
	.venv/bin/python -m pytest

bench: .venv/dev .venv-sam/bin/sam ## measure all, into tables and pictures in docs/
	.venv/bin/python -m benchmarks.lists
	.venv/bin/python -m benchmarks.load
	.venv/bin/python -m benchmarks

guard: .venv/dev .venv-sam/bin/sam ## fail where a cold start has become dearer
	.venv/bin/python -m benchmarks.guard

lint: .venv/dev .venv-sam/bin/sam ## check style, types and the template
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv-sam/bin/sam validate --lint

format: .venv/dev ## put the code into the house style
	.venv/bin/ruff check --fix
	.venv/bin/ruff format

openapi: .venv/dev ## write openapi.json
	.venv/bin/python -m local.openapi > openapi.json
	@.venv/bin/python -m local.openapi_changes || true

build: .venv/dev .venv-sam/bin/sam ## sam build for one architecture (ARCH=x86_64)
	PATH="$(CURDIR)/.venv/bin:$$PATH" ARCH=$(ARCH) .venv-sam/bin/sam build \
	  --parameter-overrides Architecture=$(ARCH) --build-dir $(BUILD_DIR)

clean: ## remove what was made here, the development database included
	rm -rf .venv .venv-sam .aws-sam .local

# The first interpreter that really runs, production's first. A pyenv shim may be there
# and refuse, so its versions are looked at too.
.venv/bin/python:
	@for python in python3.13 "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.13.*/bin/python \
	    python3.14 python3.12 python3.11 python3; do \
	  if "$$python" -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' \
	      2>/dev/null; then \
	    echo "Creating .venv with $$("$$python" --version) …" >&2; \
	    exec "$$python" -m venv .venv; \
	  fi; \
	done; \
	echo 'Python 3.11 or newer, with its venv module, is needed and was not found.' >&2; \
	exit 1

.venv/local: .venv/bin/python pyproject.toml shared/requirements.txt
	@echo 'Installing what `make run` needs …' >&2
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check -e '.[local]'
	@touch $@

.venv/dev: .venv/local
	@echo 'Installing what the tests need …' >&2
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check -e '.[local,dev]'
	@touch $@

# The SAM CLI's pins clash with ours.
.venv-sam/bin/sam: | .venv/bin/python
	@echo 'Installing the SAM CLI …' >&2
	@.venv/bin/python -m venv .venv-sam
	@.venv-sam/bin/python -m pip install --quiet --disable-pip-version-check \
	  aws-sam-cli==1.170.0
