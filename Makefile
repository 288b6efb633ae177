# Everything starts from a fresh clone: the set-up makes .venv first, and takes no time later.
# PYTHON=... names the interpreter (3.11 or 3.12), ARGS=... is handed to pytest or the load test.
OUT ?= demo.wav
ARGS ?=
SHAPE ?= steady
BIN := .venv/bin
# With it set, each process that a test starts would compile every module anew.
export PYTHONDONTWRITEBYTECODE =

.PHONY: run demo test test-fast load soak long-soak chaos check lock lock-check dist containers clients clean

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

# SHAPE=steady, ramp, burst, idle-gap, streams or thrash; HOST=http://... is a gateway that runs already,
# WEB=1 serves Locust's page. A shell may have a HOST of its own, so only make's counts.
load:
	@scripts/setup dev
	@exec $(BIN)/python tests/load $(SHAPE) $(if $(findstring command,$(origin HOST)),--host $(HOST)) \
	  $(if $(USERS),--users $(USERS)) $(if $(SECONDS),--seconds $(SECONDS)) \
	  $(if $(WEB),--web) $(LIMIT:%=--limit %) $(ARGS)

soak:
	@scripts/setup dev
	@exec $(BIN)/python tests/load/soak.py $(ARGS)

# Two hours of everything at once: streams, cancels, kills, saved voices; ARGS="--models 1000" instead
# serves a thousand models of which fifty are asked, ARGS="--minutes 10" is shorter.
long-soak:
	@scripts/setup dev
	@exec $(BIN)/python tests/load/long_soak.py $(ARGS)

# Kills and stops processes at random under load; SECONDS=120, SEED=... repeats what was drawn.
chaos:
	@scripts/setup dev
	@exec $(BIN)/python tests/load/chaos.py $(if $(findstring command,$(origin SECONDS)),--seconds $(SECONDS)) \
	  $(SEED:%=--seed %) $(ARGS)

check:
	@scripts/setup dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	if command -v shellcheck >/dev/null; then shellcheck scripts/keys scripts/setup scripts/dist scripts/clients .ci/run; fi

# constraints.txt for what the pyproject.toml say; ARGS=--upgrade takes the newest versions.
lock:
	@$${PYTHON:-python3} scripts/lock $(ARGS)

# Asks the registry whether every extra can be installed with constraints.txt; downloads no wheels.
lock-check:
	@$${PYTHON:-python3} scripts/lock --check

# The three distributions, built into dist/ and checked; ARGS=--install tries each in an environment.
dist:
	@scripts/dist $(ARGS)

# Builds the containers, starts and maltreats them; needs Docker. ARGS=--gpu: the GPU image too.
containers:
	@scripts/setup dev
	@exec $(BIN)/python tests/containers $(ARGS)

# Environments of other programs, which tests/clients then tries.
clients:
	@scripts/clients

clean:
	rm -rf .venv .clients build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
	find . -maxdepth 2 -name '*.egg-info' -prune -exec rm -rf {} +
