# Everything starts from a fresh clone: the set-up makes .venv first, and takes no time later.
# PYTHON=... names the interpreter (3.11 or 3.12), ARGS=... is handed to pytest.
OUT ?= demo.wav
ARGS ?=
BIN := .venv/bin

.PHONY: run demo test check lock clean

# exec, so that a signal for make reaches the program and nothing stays behind.
run:
	@scripts/setup
	@exec $(BIN)/greenroom up

demo:
	@scripts/setup
	@exec $(BIN)/python -m greenroom.demo --out "$(OUT)"

test:
	@scripts/setup dev
	@exec $(BIN)/python -m pytest --numprocesses 2 --dist loadfile $(ARGS)

check:
	@scripts/setup dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	if command -v shellcheck >/dev/null; then shellcheck scripts/keys scripts/setup scripts/lock .ci/run; fi

# Newest versions that pyproject.toml allows, written to constraints.txt.
lock:
	@scripts/lock

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
	find . -maxdepth 2 -name '*.egg-info' -prune -exec rm -rf {} +
