# Targets that need .venv build it first, once, from requirements.lock; `bench` has its own.
PYTHONS := python3.13 python3.14 python3.12 python3 python \
	"$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.1[2-9]*/bin/python
RUN := .venv/bin/python -m
PIP := pip -qq --disable-pip-version-check install --require-hashes --only-binary :all:
READY := .venv/.ready
BENCH_READY := .venv-bench/.ready
COMPILE := uv pip compile --quiet $(if $(UPGRADE),--upgrade) --universal --python-version 3.12 \
	--no-python-downloads --only-binary :all: --generate-hashes --no-header
comma := ,
empty :=
spaced = $(strip $(subst $(comma), ,$(1)))
commaed = $(subst $(empty) ,$(comma),$(spaced))
flag = $(if $(2), --$(1) '$(2)')

.PHONY: help experiments catalogue plan report publish calibration planted posteriordb quality gradients recipes bench faults hostile gaussians test laws wheel lint lock clean

help: ## say what there is (this text)
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile
	@echo "PYTHON=/path/to/python3.13 chooses the Python that .venv is made with."

CHOSEN = $(call spaced,$(ONLY))$(call flag,guides,$(call commaed,$(GUIDES)))$(call \
	flag,budget,$(BUDGET))$(call flag,workers,$(WORKERS))$(call flag,results,$(RESULTS))$(call \
	flag,posteriordb,$(POSTERIORDB))

experiments: $(READY) ## run what changed: ONLY=a,b GUIDES=c,d BUDGET=smoke WORKERS=2 RESULTS=dir POSTERIORDB=dir SCHEDULER=address
	$(RUN) elbo_room run $(CHOSEN)$(call flag,scheduler,$(SCHEDULER))

catalogue: $(READY) ## the same, and every guide on every model of the folders in models/
	$(RUN) elbo_room run --all $(CHOSEN)$(call flag,scheduler,$(SCHEDULER))

plan: $(READY) ## what would `make experiments` run, why, and how long? the same variables
	$(RUN) elbo_room plan $(CHOSEN)

report: $(READY) ## draw the report again: RESULTS=dir
	$(RUN) elbo_room report$(call flag,results,$(RESULTS))

publish: $(READY) ## copy the last run's tables, certificates and figures to results/published
	cd results/published && rm -rf reference figures studies && mkdir reference figures studies
	cp results/table.csv results/references.csv results/learning_rates.csv results/summary.csv \
		results/bounds.csv results/errors.csv results/answers.csv results/ranking.csv results/rules.csv \
		results/disagreements.csv results/versions.json results/published
	cp results/reference/*.json results/published/reference
	cp results/studies/*.csv results/published/studies
	cp results/figures/*-room.png results/published/figures
	cp results/figures/answer-*.png results/published/figures 2>/dev/null || true
	(.venv/bin/python -VV; .venv/bin/python -c "import os; print(os.cpu_count(), 'cores')"; \
		.venv/bin/python -m pip freeze) > results/published/versions.txt
	cp -r results/figures/*/ results/published/figures

calibration: $(READY) ## do 95 % intervals cover? 20 minutes; writes benchmarks/calibration.csv and the docs' table
	OMP_NUM_THREADS=1 .venv/bin/python -m benchmarks.calibration

planted: $(READY) ## which metric catches which failure? writes docs/how-the-numbers-are-made.md's table
	OMP_NUM_THREADS=1 .venv/bin/python -m benchmarks.planted

posteriordb: $(READY) ## do model and NUTS agree with it? POSTERIORDB=path; writes benchmarks/posteriordb.csv
	OMP_NUM_THREADS=1 .venv/bin/python -m benchmarks.posteriordb

bench: $(BENCH_READY) ## how fast, beside others? over two hours; writes benchmarks/speed.csv, growth.csv and docs/how-fast.md
	.venv-bench/bin/python -m benchmarks.speed
	.venv-bench/bin/python -m benchmarks.growth
	.venv-bench/bin/python -m benchmarks.quote

quality: $(READY) ## does every family reach its best? reads results/table.csv; writes benchmarks/quality.csv
	OMP_NUM_THREADS=1 .venv/bin/python -m benchmarks.quality $(RESULTS)

gradients: $(READY) ## does the path gradient have less noise? writes benchmarks/gradients.csv
	OMP_NUM_THREADS=1 .venv/bin/python -m benchmarks.gradients

recipes: $(READY) ## which depth, width and particles for the flows? results in results/recipes
	$(RUN) elbo_room run benchmarks/recipes.py --results results/recipes

faults: $(READY) ## does anything cost a finished cell? writes benchmarks/faults.csv and overhead.csv
	.venv/bin/python -m benchmarks.faults
	.venv/bin/python -m benchmarks.overhead

# Two processes share the files out; a single test started by hand starts none, see CONTRIBUTING.md.
SHARED := --numprocesses=2 --dist=loadfile

gaussians: $(READY) ## what natural gradient reaches on every model, beside Adam; writes benchmarks/gaussians.csv
	$(RUN) benchmarks.gaussians

hostile: $(READY) ## what becomes of 143 small models, half of them broken? writes benchmarks/hostile.csv
	OMP_NUM_THREADS=1 .venv/bin/python -m benchmarks.hostile

test: lint ## lint, then run the tests
	$(RUN) pytest $(SHARED)

laws: $(READY) ## the tests' laws for every model and guide, those in folders too
	$(RUN) pytest $(SHARED) --laws tests/test_models.py tests/test_guides.py

wheel: $(READY) ## build the wheel, install it with all that it asks for in an empty environment, and try it
	$(RUN) pytest --wheel tests/test_wheel.py

lint: $(READY) ## check style, format and types
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) pyrefly check --python-interpreter-path .venv/bin/python

lock: ## pin what pyproject.toml asks for (needs uv); UPGRADE=1 moves every pin to the newest
	$(COMPILE) --group test --output-file requirements.lock pyproject.toml
	$(COMPILE) --group bench --constraint requirements.lock \
		--output-file requirements-bench.lock pyproject.toml
	$(COMPILE) --group cuda --constraint requirements.lock \
		--output-file requirements-cuda.lock pyproject.toml

clean: ## remove .venv, .venv-bench, .cache, tool caches, and results except results/published
	rm -rf .venv .venv-bench .cache .pytest_cache .ruff_cache
	find elbo_room models guides experiments benchmarks tests -name __pycache__ -prune -exec rm -rf {} +
	test ! -d results || find results -mindepth 1 -maxdepth 1 ! -name published -exec rm -rf {} +

# The stamp comes last: a set-up that was cut off has none, so the next make starts it afresh.
# A candidate counts only if it runs: a pyenv shim can be on PATH and still fail.
$(READY): requirements.lock
$(BENCH_READY): requirements-bench.lock
$(READY) $(BENCH_READY):
	@found=; for python in $(if $(PYTHON),'$(PYTHON)',$(PYTHONS)); do \
		says=$$("$$python" --version 2>&1); \
		version=$${says#Python }; version=$${version%%[!0-9.]*}; \
		case $$says in \
		"Python 3.1"[2-9]* | "Python 3."[2-9][0-9]*) \
			"$$python" -c "import ensurepip, venv" 2>/dev/null && break; \
			found="$$found, $$version without venv ($$python)";; \
		"Python "[0-9]*) found="$$found, $$version ($$python)";; \
		esac; python=; \
	done; \
	if [ -z "$$python" ]; then found=$${found#, }; \
		echo "ELBO room needs Python 3.12 or newer; found $${found:-none}." \
			"Install it or say make PYTHON=/path/to/python3.13" >&2; exit 1; fi; \
	echo "Setting up $(@D) with Python $$version ($$python); this takes a minute, once."; \
	rm -rf $(@D) && "$$python" -m venv $(@D) && $(@D)/bin/python -m $(PIP) -r $< && touch $@
