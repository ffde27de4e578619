.DEFAULT_GOAL := help
.PHONY: help run example token migrate doctor pseudonym test bench scale guard lint format \
  openapi generators events build lock audit sbom deploy url logs delete smoke compatible \
  costs sam-local emulator rehearse tools clean

THIS_ARCH = $(if $(filter arm64 aarch64,$(shell uname -m)),arm64,x86_64)
# The emulator of AWS runs functions on this machine's processor.
ARCH ?= $(if $(AWS_ENDPOINT_URL),$(THIS_ARCH),arm64)
BASE ?= origin/main
BUILD_DIR ?= .aws-sam/build
REDOCLY = openapi/node_modules/.bin/redocly
EXAMPLE = examples/react
GENERATORS = examples/generators
export SAM_CLI_TELEMETRY = 0
# Ignore the shell's settings for Python, pip and cd, except PYTHON, an interpreter.
unexport CDPATH $(filter-out PYTHON PYTHONUNBUFFERED PYTHONUTF8,\
  $(filter PYTHON%,$(.VARIABLES)))
export REDOCLY_TELEMETRY = off
export REDOCLY_SUPPRESS_UPDATE_NOTICE = true
PIP_INSTALL = -I shared/run_pip.py install --quiet --disable-pip-version-check

STAGE ?= dev
STAGES = $(patsubst parameters/%.yaml,%,$(wildcard parameters/*.yaml))
ifneq ($(filter deploy url logs delete,$(MAKECMDGOALS)),)
ifneq ($(words $(STAGE))$(filter-out $(STAGES),$(STAGE)),1)
$(error STAGE must be one of $(STAGES), not "$(STAGE)")
endif
endif

# PARAMETERS become words of a shell command, and may come from a form on GitHub. SAM
# silently ignores a parameter that the template doesn't have.
ifneq ($(filter deploy,$(MAKECMDGOALS)),)
ifneq ($(findstring $$,$(value PARAMETERS))$(findstring ',$(value PARAMETERS)),)
$(error PARAMETERS may have neither dollar signs nor single quotes)
endif
NAMES := $(shell sed -n '/^Parameters:/,/^Rules:/s/^  \([A-Za-z]*\):.*/\1/p' template.yaml)
UNKNOWN := $(strip $(shell printf '%s\n' '$(PARAMETERS)' | tr -s ' \t' '\n' | \
  grep -vE '^(($(subst $(eval) ,|,$(NAMES)))=[]A-Za-z0-9:/.,@_*+=[-]*)?$$'))
ifneq ($(UNKNOWN),)
$(error PARAMETERS may only set parameters of template.yaml, as Name=Value, not: $(UNKNOWN))
endif
endif

# A new value for each deployment (template.yaml says why), made on first use.
RELEASE = $(eval RELEASE := $(shell date +%s)-$(or $(shell \
  git describe --always --dirty --abbrev=10 --exclude '*' 2>/dev/null),unknown))$(RELEASE)
TEMPLATE = $(BUILD_DIR)/$(if $(AWS_ENDPOINT_URL),emulated.json,template.yaml)
PARAMETERS_GIVEN = Architecture=$(ARCH) Release=$(RELEASE) \
  $(if $(SECRET_ARN),SecretArn=$(SECRET_ARN)) \
  $(if $(PERMISSIONS_BOUNDARY_ARN),PermissionsBoundaryArn=$(PERMISSIONS_BOUNDARY_ARN)) \
  $(strip $(PARAMETERS))

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

run: .venv/local ## serve the API on port 8000 and a to-do page on 8010 (PORT=…, PAGE_PORT=…)
	@exec .venv/bin/python -m local

example: .venv/local $(EXAMPLE)/node_modules/.installed ## run the example in React on port 5173, with the API and a Better Auth
	@export BETTER_AUTH_URL="$${BETTER_AUTH_URL:-http://localhost:3000}"; \
	exec .venv/bin/python -m local npm start --silent --prefix $(EXAMPLE)

token: .venv/local ## print a development token (USER=alice)
	@.venv/bin/python -m local.tokens "$(USER)"

migrate: $(if $(SECRET_ARN),.venv/aws,.venv/local) ## create or update the tables in the database at DATABASE_URL
	@.venv/bin/python -m taskapi.postgres.migrate

doctor: $(if $(SECRET_ARN),.venv/aws,.venv/local) ## check settings and database; say why a token is rejected (TOKEN=…)
	@.venv/bin/python -m local.doctor

pseudonym: $(if $(SECRET_ARN),.venv/aws,.venv/local) ## print the pseudonym of a user in the logs (ID=…)
	@.venv/bin/python -m ops.pseudonym

test: .venv/dev .venv-sam/bin/sam ## run all tests
	.venv/bin/python -m pytest

bench: .venv/dev .venv-sam/bin/sam ## measure speed; update the tables and charts in the README and docs/
	@failed=0; for measurement in "benchmarks.lists --save" benchmarks.load benchmarks; do \
	  .venv/bin/python -m $$measurement || failed=1; \
	done; exit $$failed

scale: .venv/dev ## predict what breaks first with more users; write the tables and the chart of docs/scale.md
	@failed=0; for step in "validation --save" "capacity --save" page; do \
	  .venv/bin/python -m benchmarks.$$step || failed=1; \
	done; exit $$failed

guard: .venv/dev .venv-sam/bin/sam ## fail if a cold start takes over 10% more instructions than committed
	.venv/bin/python -m benchmarks.guard

lint: .venv/dev .venv-sam/bin/sam .venv-checkov/bin/checkov $(REDOCLY) ## check style, types, the template and openapi.json
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv-sam/bin/sam validate --lint
	.venv-sam/bin/cfn-lint ops/deploy-role.yaml
	.venv/bin/zizmor --offline --quiet .github
	.venv/bin/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*
	.venv/bin/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	@mkdir -p .aws-sam && .venv/bin/python -m local.template > .aws-sam/template.json
	.venv-checkov/bin/checkov --config-file .checkov.yaml
	$(REDOCLY) lint --config openapi/redocly.yaml openapi.json

format: .venv/dev ## format the code, and fix what ruff can fix
	.venv/bin/ruff check --fix
	.venv/bin/ruff format

openapi: .venv/dev ## write openapi.json and the README's routes, and list breaking changes
	.venv/bin/python -m openapi > openapi.json
	@.venv/bin/python -m openapi.readme
	@.venv/bin/python -m openapi.changes || true

generators: $(GENERATORS)/node_modules/.installed ## generate clients with orval and openapi-ts from openapi.json, and compile them
	@npm run --silent --prefix $(GENERATORS) check

events: .venv/local ## write a sample event for each function into events/
	@.venv/bin/python -m local.sample_events

build: .venv/dev .venv-sam/bin/sam ## build the functions and the layer (ARCH=x86_64; arm64 by default)
	$(if $(filter arm64 x86_64,$(ARCH)),,$(error ARCH must be arm64 or x86_64))
	@# Hide standard output: it recommends sam deploy --guided.
	PATH="$(CURDIR)/.venv/bin:$$PATH" .venv-sam/bin/sam build \
	  --parameter-overrides Architecture=$(ARCH) --build-dir $(BUILD_DIR) >/dev/null
	@echo $(ARCH) > $(BUILD_DIR)/architecture
	@echo 'Built for $(ARCH) in $(BUILD_DIR).$(if $(filter deploy,$(MAKECMDGOALS)),, make deploy BUILT=1 STAGE=… deploys it.)'

lock: .venv/dev ## write the lock files again (LOCK=--upgrade: newest versions)
	@.venv/bin/python -m supply_chain.relock $(LOCK)

audit: .venv/dev ## look up known vulnerabilities of the deployed packages
	@.venv/bin/python -m supply_chain.audit

sbom: .venv/dev ## list the built layer's packages and licences (after make build)
	@.venv/bin/python -m supply_chain.sbom $(BUILD_DIR)/SharedLayer .aws-sam/sbom.cdx.json

deploy: tools $(if $(BUILT),,build) ## build and deploy a stack (STAGE=prod, SECRET_ARN=… the first time, PARAMETERS='Name=Value …')
	@test "$$(cat $(BUILD_DIR)/architecture 2>/dev/null)" = $(ARCH) || { \
	  echo '$(BUILD_DIR) holds no build for $(ARCH): make build ARCH=$(ARCH)' >&2; exit 1; }
	$(if $(AWS_ENDPOINT_URL),@.venv/bin/python -m ops.rehearsal.changes \
	  $(BUILD_DIR)/template.yaml $(TEMPLATE) parameters/$(STAGE).yaml $(PARAMETERS_GIVEN))
	.venv-sam/bin/sam deploy --template-file $(TEMPLATE) \
	  --config-file "$(CURDIR)/samconfig.toml" --config-env $(STAGE) \
	  --parameter-overrides file://parameters/$(STAGE).yaml $(PARAMETERS_GIVEN) \
	  $(if $(STACK_ROLE_ARN),--role-arn $(STACK_ROLE_ARN)) \
	  $(if $(CI),--no-confirm-changeset --no-fail-on-empty-changeset)

tools: .venv/aws .venv-sam/bin/sam ## install the tools that deploy, from hashed lock files

url: ## print the URL of a deployed API (STAGE=prod)
	@aws cloudformation describe-stacks --stack-name tasks-$(STAGE) --output text \
	  --query "Stacks[0].Outputs[?OutputKey=='ApiUrl'].OutputValue"

logs: .venv-sam/bin/sam ## follow the logs of a deployed API (STAGE=prod, FIND=a request's id)
	.venv-sam/bin/sam logs --stack-name tasks-$(STAGE) --tail \
	  $(if $(FIND),--filter '"$(FIND)"')

delete: .venv-sam/bin/sam ## delete a stack (STAGE=dev); secrets and SAM's bucket stay
	.venv-sam/bin/sam delete --stack-name tasks-$(STAGE) --s3-prefix tasks-$(STAGE) \
	  $(if $(CI),--no-prompts)

smoke: .venv/local ## send test requests to a running API (URL=https://…, TOKEN=…)
	@.venv/bin/python -m ops.smoke "$(URL)"

# Older code runs with the new schema during a deployment and after a rollback. Its
# migrations may be in another folder. Two modules aren't about the code, but about
# migrations; the examples that they apply may add a column that is there by now. A third
# needs no database, but the SAM CLI, which the folder hasn't.
# A migration that drops an index may make older code slower: migrations/0014 says how much.
PLANS_OF_OLDER_CODE = test_no_list_sorts_more_than_a_page_or_reads_others_tasks

compatible: .venv/dev ## test older code with today's schema (BASE=origin/main)
	folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	git archive $(BASE) | tar -xC "$$folder" && \
	cp shared/taskapi/postgres/migrations/*.sql "$$(find "$$folder/shared" -name migrations)" && \
	cd "$$folder" && PYTHONPATH="$$folder/shared" "$(CURDIR)/.venv/bin/python" -m pytest \
	  tests/integration --ignore tests/integration/test_migrations.py \
	  --ignore tests/integration/test_schema_between.py \
	  --ignore tests/integration/test_foreign_events.py \
	  --deselect tests/integration/test_list_size.py::$(PLANS_OF_OLDER_CODE)

costs: .venv/local ## estimate the price of a million requests (ARGS='--duration-ms 20')
	@.venv/bin/python -m ops.costs $(ARGS)

# A folder of its own, so that make deploy BUILT=1 can't deploy a build for this machine.
sam-local: BUILD_DIR = .aws-sam/sam-local
sam-local: .venv/dev .venv-sam/bin/sam ## build, and serve from Lambda's containers (needs Docker; FUNCTION=GetTask: only one)
	@.venv/bin/python -m local.sam_local prepare $(FUNCTION)
	@$(MAKE) --no-print-directory build ARCH=$(THIS_ARCH) BUILD_DIR=$(BUILD_DIR)
	@exec .venv/bin/python -m local.sam_local run $(BUILD_DIR) $(THIS_ARCH) $(FUNCTION)

emulator: tools .venv-emulator/bin/ministack ## run an emulator of AWS, to try docs/deploying.md without an account
	@exec .venv/bin/python -m ops.rehearsal.emulator

rehearse: BUILD_DIR = .aws-sam/rehearsal
rehearse: .venv/dev .venv-sam/bin/sam .venv-emulator/bin/ministack ## deploy everything to an emulator of AWS and check it (BUILT=1: don't build)
	@$(if $(BUILT),,$(MAKE) --no-print-directory build ARCH=$(THIS_ARCH) BUILD_DIR=$(BUILD_DIR))
	@.venv/bin/python -m ops.rehearsal $(BUILD_DIR)

clean: ## delete .venv, all builds, and the development database with its tasks
	@# The benchmarks' copies are read-only.
	@chmod -R u+w .aws-sam 2>/dev/null || true
	rm -rf .venv .venv-sam .venv-checkov .venv-emulator .aws-sam .local openapi/node_modules \
	  $(EXAMPLE)/node_modules $(GENERATORS)/node_modules

# Use the first interpreter that works; Lambda has 3.13. Look in pyenv's folders too: its
# python3.13 command fails if that version isn't selected.
.venv/bin/python:
	@for python in python3.13 "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.13.*/bin/python \
	    python3.14 python3.12 python3.11 python3; do \
	  if "$$python" -Ic 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' \
	      2>/dev/null; then \
	    echo "Creating .venv with $$("$$python" --version) …" >&2; \
	    exec "$$python" -I -m venv .venv; \
	  fi; \
	done; \
	echo 'Python 3.11 or newer, with its venv module, is needed and was not found.' >&2; \
	exit 1

# Install from lock files with hashes; build no package except this project.
LOCKS = supply_chain/tools
INSTALL = $(PIP_INSTALL) --no-compile --require-hashes --no-deps --only-binary :all: \
  --requirement
THIS_PROJECT = $(PIP_INSTALL) --no-index --no-deps --no-build-isolation --editable .

.venv/local: .venv/bin/python pyproject.toml $(LOCKS)/local.lock
	@echo 'Installing what `make run` needs …' >&2
	@.venv/bin/python $(INSTALL) $(LOCKS)/local.lock
	@.venv/bin/python $(THIS_PROJECT)
	@touch $@

.venv/aws: .venv/local $(LOCKS)/aws.lock
	@echo 'Installing what reading SECRET_ARN needs …' >&2
	@.venv/bin/python $(INSTALL) $(LOCKS)/aws.lock
	@touch $@

.venv/dev: .venv/local $(LOCKS)/dev.lock
	@echo 'Installing what the tests need …' >&2
	@.venv/bin/python $(INSTALL) $(LOCKS)/dev.lock
	@touch $@

# The SAM CLI and checkov need other versions than we do and than each other.
.venv-sam/bin/sam: $(LOCKS)/sam.lock | .venv/bin/python
	@echo 'Installing the SAM CLI …' >&2
	@.venv/bin/python -I -m venv .venv-sam
	@.venv-sam/bin/python $(INSTALL) $<
	@touch $@

.venv-checkov/bin/checkov: $(LOCKS)/checkov.lock | .venv/bin/python
	@echo 'Installing checkov …' >&2
	@.venv/bin/python -I -m venv .venv-checkov
	@.venv-checkov/bin/python $(INSTALL) $<
	@touch $@

# The emulator runs functions with its own Python, which must have Lambda's version.
.venv-emulator/bin/ministack: $(LOCKS)/emulator.lock | .venv/bin/python
	@echo 'Installing the emulator of AWS …' >&2
	@python=$$($(MAKE) --silent -C shared python) && "$${python:?Python 3.13 is needed}" \
	  -I -m venv .venv-emulator
	@.venv-emulator/bin/python $(INSTALL) $<
	@touch $@

$(REDOCLY): openapi/package-lock.json
	@echo 'Installing Redocly CLI …' >&2
	@npm ci --prefix openapi --ignore-scripts --no-audit --no-fund --silent
	@touch $@

# The tests look at .installed too.
examples/%/node_modules/.installed: examples/%/package-lock.json
	@echo 'Installing what examples/$* needs …' >&2
	@npm ci --prefix examples/$* --ignore-scripts --no-audit --no-fund --silent
	@cp $< $@
