# Everything starts from a fresh clone: the set-up makes .venv first, and takes no time later.
# PYTHON=... names the interpreter (3.11 or 3.12), ARGS=... is handed to pytest or the load test.
OUT ?= demo.wav
ARGS ?=
SHAPE ?= steady
BIN := .venv/bin

.PHONY: run demo test test-fast load soak check lock lock-check dist clean

# exec, so that a signal for make reaches the program and nothing stays behind.
run:
	@scripts/setup
	@exec $(BIN)/greenroom up

demo:
	@scripts/setup
	@exec $(BIN)/python -m greenroom_speech.demo --out "$(OUT)"

test:
	@scripts/setup dev
	@exec $(BIN)/python -m pytest --numprocesses 2 --dist loadfile $(ARGS)

# Everything that starts no server, in less than a minute.
test-fast:
	@scripts/setup dev
	@exec $(BIN)/python -m pytest --numprocesses 2 --dist loadfile \
	  -m 'not slow and not long and not gpu' $(ARGS)

# SHAPE=steady, ramp, burst, idle-gap or thrash; HOST=http://... is a gateway that runs already,
# WEB=1 serves Locust's page. A shell may have a HOST of its own, so only make's counts.
load:
	@scripts/setup dev
	@exec $(BIN)/python tests/load $(SHAPE) $(if $(findstring command,$(origin HOST)),--host $(HOST)) \
	  $(if $(USERS),--users $(USERS)) $(if $(SECONDS),--seconds $(SECONDS)) \
	  $(if $(WEB),--web) $(LIMIT:%=--limit %) $(ARGS)

soak:
	@scripts/setup dev
	@exec $(BIN)/python tests/load/soak.py $(ARGS)

check:
	@scripts/setup dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	if command -v shellcheck >/dev/null; then shellcheck scripts/keys scripts/setup scripts/dist .ci/run; fi

# constraints.txt for what the pyproject.toml say; ARGS=--upgrade takes the newest versions.
lock:
	@$${PYTHON:-python3} scripts/lock $(ARGS)

# Asks the registry whether every extra can be installed with constraints.txt; downloads no wheels.
lock-check:
	@$${PYTHON:-python3} scripts/lock --check

# The three distributions, built into dist/ and checked; ARGS=--install tries each in an environment.
dist:
	@scripts/dist $(ARGS)

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
	find . -maxdepth 2 -name '*.egg-info' -prune -exec rm -rf {} +
