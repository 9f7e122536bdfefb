# Every target sets up what it needs: a clean clone and `make figures` or `make test` are enough.
# `make help` lists them all.

PRESET  ?= quick
PYTHONS  = python3 python3.13 python3.12 python3.11
FITS     = import sys; sys.exit(not (3, 11, 5) <= sys.version_info[:3] < (3, 14))
# the first Python that fits; say PYTHON=… to choose another
PYTHON  ?= $(shell for p in $(PYTHONS); do $$p -c '$(FITS)' 2>/dev/null && echo $$p && exit; done; echo python3)

VENV  := .venv
READY := $(VENV)/.ready
RUN   := $(VENV)/bin/python -m
DEV   := PATH="$(CURDIR)/$(VENV)/bin:$$PATH" $(RUN) wmil.dev
export JUPYTER_PREFER_ENV_PATH := 1

# what a user says reaches the program as it is, so that no quote or $(...) in it is run
export MAKE_PRESET  := $(value PRESET)
export MAKE_ONLY    := $(value ONLY)
export MAKE_SET     := $(value SET)
export MAKE_PROFILE := $(value PROFILE)
export MAKE_CORES   := $(value CORES)
export MAKE_LIMIT   := $(value LIMIT)
unexport PRESET ONLY SET PROFILE CORES LIMIT RERUN SLOW WRITE LAB_ARGS PIP_ARGS

# a .venv that was made in another folder would still import from there
$(if $(filter-out $(CURDIR),$(shell cat $(VENV)/.where 2>/dev/null)),$(info set-up: $(VENV) was made in another folder)$(shell rm -rf $(VENV)))

.PHONY: help setup figures test faults claims lab latexmk paper bench docs clean
.DEFAULT_GOAL := help

help: ## list the targets
	@echo 'make TARGET, where TARGET is one of'
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1@\2/p' $(MAKEFILE_LIST) | while IFS=@ read -r name what; do printf '  %-8s %s\n' $$name "$$what"; done
	@echo 'PYTHON=python3.12 chooses the Python for .venv; PIP_ARGS="…" is handed to pip.'

setup: $(READY) ## make .venv with the exact versions of requirements.lock

$(READY): requirements.lock settings.ini setup.py
	@$(PYTHON) -c '$(FITS)' 2>/dev/null || { \
	  echo "wmil needs Python 3.11 (from 3.11.5 on), 3.12 or 3.13, and '$(PYTHON)' is $$($(PYTHON) --version 2>&1 | tail -n 1)." >&2; \
	  echo "Install one of them, or name it: make $(firstword $(MAKECMDGOALS) setup) PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(VENV)/bin/python -m pip --version >/dev/null 2>&1 || { echo "set-up: $(VENV) with $$($(PYTHON) --version)"; $(PYTHON) -m venv --clear $(VENV); } || { \
	  echo "$(PYTHON) cannot make a virtual environment; on Debian: apt install python3-venv" >&2; rm -rf $(VENV); exit 1; }
	@echo 'set-up: the packages of requirements.lock (a few minutes the first time)'
	@$(RUN) pip install -qq --disable-pip-version-check $(PIP_ARGS) -r requirements.lock
	@# arcengine asks for Python 3.12 and runs on 3.11 as well
	@if $(VENV)/bin/python -c 'import sys; sys.exit(sys.version_info >= (3, 12))'; then \
	  $(RUN) pip install -qq --disable-pip-version-check $(PIP_ARGS) --no-deps --ignore-requires-python "$$(sed -n 's/^\(arcengine==[^;]*\);.*/\1/p' requirements.lock)"; fi
	@# a plain path entry, so that `import wmil` finds the package even from the folder that holds the clone
	@$(RUN) pip install -qq --disable-pip-version-check $(PIP_ARGS) --no-deps --no-build-isolation --config-settings editable_mode=compat -e .
	@echo '$(CURDIR)' > $(VENV)/.where && touch $@

figures: $(READY) ## redraw figures and tables; PRESET=smoke|quick|paper ONLY=notebook|figure RERUN=1 CORES=n LIMIT=seconds PROFILE=profiles/slurm
	@$(DEV) figures --preset "$$MAKE_PRESET" --only "$$MAKE_ONLY" --set "$$MAKE_SET" --profile "$$MAKE_PROFILE" $(if $(value CORES),--cores "$$MAKE_CORES") $(if $(value LIMIT),--seconds "$$MAKE_LIMIT") $(if $(value RERUN),--rerun)

test: $(READY) ## all checks and every notebook; SLOW=1 runs the cells marked slow too
	@$(DEV) test $(if $(value SLOW),--slow)

faults: $(READY) ## thousands of damaged files for every reader
	@WMIL_FUZZ=2000 PATH="$(CURDIR)/$(VENV)/bin:$$PATH" nbdev_test --path nbs/tests/reader_faults.ipynb --do_print

lab: $(READY) ## open the front page in JupyterLab
	@# pictures lie beside nbs/, so the server's folder is the repository
	@$(RUN) jupyterlab $(if $(filter 0,$(shell id -u)),--allow-root) --ServerApp.root_dir='$(CURDIR)' $(LAB_ARGS) nbs/index.ipynb

claims: $(READY) ## write CLAIMS.md; ONLY="echo cue" runs claims again with other seeds
	@$(DEV) claims --only "$$MAKE_ONLY"

latexmk:
	@command -v latexmk >/dev/null || { echo "latexmk is missing; Debian: apt install latexmk texlive-latex-extra lmodern; macOS: brew install --cask mactex" >&2; exit 1; }

paper: PRESET = paper
paper: export MAKE_PRESET = $(value PRESET)
paper: latexmk figures ## build the paper, paper_drafts/draft_01.pdf; PRESET=quick for your own numbers
	@cd paper_drafts && for d in draft_*.tex; do d=$${d%.tex}; \
	  latexmk -pdf -interaction=nonstopmode -halt-on-error -usepretex='\def\preset{'"$$MAKE_PRESET"'}' $$d.tex > $$d.log.txt 2>&1 \
	    || { tail -n 25 $$d.log.txt; echo "the paper does not build: see paper_drafts/$$d.log.txt" >&2; exit 1; }; \
	  echo "made paper_drafts/$$d.pdf"; done

bench: $(READY) ## time this library against plain loops, one table; WRITE=1 keeps the rows in results/bench
	@$(DEV) bench $(if $(value WRITE),--write)

docs: $(READY) ## build the site of notebooks and reference in _docs/html
	@$(DEV) docs

clean: ## remove what can be made again; keeps .venv, runs, and the paper's results and figures
	@rm -rf _docs _proc build *.egg-info .ruff_cache results/smoke results/quick figures/smoke figures/quick figures/manifest.json
	@rm -f paper_drafts/*.pdf paper_drafts/*.log paper_drafts/*.log.txt paper_drafts/*.aux paper_drafts/*.out paper_drafts/*.bbl paper_drafts/*.blg paper_drafts/*.fls paper_drafts/*.fdb_latexmk paper_drafts/*.toc
	@find nbs wmil benchmarks -depth \( -name __pycache__ -o -name .ipynb_checkpoints \) -exec rm -rf {} \; 2>/dev/null || true
