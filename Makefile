.DEFAULT_GOAL := help
.PHONY: help run token migrate doctor pseudonym test bench guard lint format openapi events build \
  lock audit sbom deploy url logs smoke compatible costs sam-local clean

ARCH ?= arm64
STAGE ?= dev
BASE ?= origin/main
BUILD_DIR ?= .aws-sam/build
export SAM_CLI_TELEMETRY = 0
THIS_ARCH = $(if $(filter arm64 aarch64,$(shell uname -m)),arm64,x86_64)

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

run: .venv/local ## serve the API on port 8000 and a page on 5173 (PORT=…, PAGE_PORT=…)
	@exec .venv/bin/python -m local

token: .venv/local ## print a development token (USER=alice)
	@.venv/bin/python -m local.tokens "$(USER)"

migrate: $(if $(SECRET_ARN),.venv/aws,.venv/local) ## bring the database at DATABASE_URL up to date
	@.venv/bin/python -m taskapi.migrate

doctor: .venv/local ## say why a token isn't accepted (TOKEN=…)
	@.venv/bin/python -m local.doctor

pseudonym: $(if $(SECRET_ARN),.venv/aws,.venv/local) ## print what the logs call a user (ID=…)
	@.venv/bin/python -m ops.pseudonym

test: .venv/dev .venv-sam/bin/sam ## run all tests
	.venv/bin/python -m pytest

bench: .venv/dev .venv-sam/bin/sam ## measure all, into tables and pictures in docs/
	.venv/bin/python -m benchmarks.lists
	.venv/bin/python -m benchmarks.load
	.venv/bin/python -m benchmarks

guard: .venv/dev .venv-sam/bin/sam ## fail where a cold start has become dearer
	.venv/bin/python -m benchmarks.guard

lint: .venv/dev .venv-sam/bin/sam .venv-checkov/bin/checkov ## check style, types and the template
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv-sam/bin/sam validate --lint
	.venv-sam/bin/cfn-lint ops/deploy-role.yaml
	.venv/bin/zizmor --offline --quiet .github
	.venv/bin/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*
	.venv/bin/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	.venv-checkov/bin/checkov --config-file .checkov.yaml

format: .venv/dev ## put the code into the house style
	.venv/bin/ruff check --fix
	.venv/bin/ruff format

openapi: .venv/dev ## write openapi.json
	.venv/bin/python -m local.openapi > openapi.json
	@.venv/bin/python -m local.openapi_changes || true

events: .venv/local ## write events/, one for each function
	@.venv/bin/python -m local.sample_events

build: .venv/dev .venv-sam/bin/sam ## sam build for one architecture (ARCH=x86_64)
	PATH="$(CURDIR)/.venv/bin:$$PATH" ARCH=$(ARCH) .venv-sam/bin/sam build \
	  --parameter-overrides Architecture=$(ARCH) --build-dir $(BUILD_DIR)
	@$(MAKE) --no-print-directory -C shared functions BUILD_DIR="$(abspath $(BUILD_DIR))"

lock: .venv/dev ## write shared/requirements.lock anew (LOCK=--upgrade for the newest)
	cd shared && ../.venv/bin/uv --quiet --no-config pip compile requirements.txt \
	  --output-file requirements.lock --custom-compile-command 'make lock' \
	  --generate-hashes --only-binary :all: $(LOCK) \
	  --python-version 3.13 --python-platform aarch64-manylinux_2_34

audit: .venv/dev ## ask for known vulnerabilities of what is deployed
	@.venv/bin/python -m supply_chain.audit

sbom: .venv/dev ## list what is in the built layer, and its licences
	@.venv/bin/python -m supply_chain.sbom $(BUILD_DIR)/SharedLayer .aws-sam/sbom.cdx.json

deploy: .venv-sam/bin/sam $(if $(BUILT),,build) ## deploy (STAGE=prod, SECRET_ARN=… once, PARAMETERS='Name=Value …')
	.venv-sam/bin/sam deploy --template-file $(BUILD_DIR)/template.yaml \
	  --config-file "$(CURDIR)/samconfig.toml" --config-env $(STAGE) \
	  --parameter-overrides file://parameters/$(STAGE).yaml Architecture=$(ARCH) \
	    Release=$$(git rev-parse HEAD | cut -c1-10) \
	    $(if $(SECRET_ARN),SecretArn=$(SECRET_ARN)) $(PARAMETERS) \
	  $(if $(STACK_ROLE_ARN),--role-arn $(STACK_ROLE_ARN)) \
	  $(if $(CI),--no-confirm-changeset --no-fail-on-empty-changeset)

url: ## print where a stack's API is (STAGE=prod)
	@aws cloudformation describe-stacks --stack-name tasks-$(STAGE) --output text \
	  --query "Stacks[0].Outputs[?OutputKey=='ApiUrl'].OutputValue"

logs: .venv-sam/bin/sam ## follow a stack's logs (STAGE=prod, FIND=a request's id)
	.venv-sam/bin/sam logs --stack-name tasks-$(STAGE) --tail \
	  $(if $(FIND),--filter '"$(FIND)"')

smoke: .venv/local ## check a running stack (URL=https://…, TOKEN=…)
	@.venv/bin/python -m ops.smoke "$(URL)"

# Whoever deploys has both for some minutes, and after a rollback for longer.
compatible: .venv/dev ## run the tests of older code on today's schema (BASE=origin/main)
	folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	git archive $(BASE) | tar -xC "$$folder" && \
	cp shared/taskapi/migrations/*.sql "$$folder/shared/taskapi/migrations/" && \
	cd "$$folder" && PYTHONPATH="$$folder/shared" $(CURDIR)/.venv/bin/python -m pytest \
	  tests/integration --ignore tests/integration/test_migrations.py

costs: .venv/bin/python ## say what a million requests cost (ARGS='--duration-ms 20')
	@.venv/bin/python -m ops.costs $(ARGS)

sam-local: .venv/dev .venv-sam/bin/sam ## serve what is built, in containers (Docker), or invoke FUNCTION=GetTask
	@.venv/bin/python -m local.sam_local prepare
	@$(MAKE) --no-print-directory build ARCH=$(THIS_ARCH)
	@exec .venv/bin/python -m local.sam_local run $(BUILD_DIR) $(THIS_ARCH) $(FUNCTION)

clean: ## remove what was made here, the development database included
	@# The benchmarks measure copies that can't be written to.
	@chmod -R u+w .aws-sam 2>/dev/null || true
	rm -rf .venv .venv-sam .venv-checkov .aws-sam .local

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

.venv/aws: .venv/local
	@echo 'Installing what reading SECRET_ARN needs …' >&2
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check -e '.[local,aws]'
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

# The same goes for checkov's.
.venv-checkov/bin/checkov: | .venv/bin/python
	@echo 'Installing checkov …' >&2
	@.venv/bin/python -m venv .venv-checkov
	@.venv-checkov/bin/python -m pip install --quiet --disable-pip-version-check \
	  checkov==3.3.30
