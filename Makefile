# Two commands do everything on a fresh Debian 12 machine, as root:
#   make demo                     installs what is missing, builds, draws a picture from a prompt
#   make test                     the same, then runs every test
# make demo PROMPT='…' draws something else.

PROMPT ?= Une affiche jaune avec une école et le titre « Saaba »
MODEL ?= $(firstword $(wildcard models/nano) tests/data/tiny/model)
OUTPUT ?= out/demo.png
BUILD := build/release

.PHONY: demo test build dependencies test_dependencies fuzz asan format lint clean

dependencies:
	@tools/install_dependencies

test_dependencies:
	@tools/install_dependencies tests

build: dependencies
	@cmake --preset release $(CMAKE_ARGUMENTS)
	@cmake --build --preset release

demo: build
	@mkdir -p $(dir $(OUTPUT))
	@echo "prompt: $(PROMPT)"
	@case "$(MODEL)" in tests/*) echo "This is the toy checkpoint of the tests: its weights are random, and so is the picture." ;; esac
	@$(BUILD)/bin/glm-image generate --model '$(MODEL)' --prompt '$(PROMPT)' --size 256x256 --steps 20 --guidance 2 --seed 1 -o '$(OUTPUT)'

test: test_dependencies build
	@ctest --preset release --parallel 2
	@$(MAKE) --no-print-directory fuzz

# libFuzzer targets, clang, 60 s each.
fuzz: dependencies
	@cmake --preset fuzz
	@cmake --build --preset fuzz
	@ctest --preset fuzz --parallel 2

asan: dependencies
	@cmake --preset asan
	@cmake --build --preset asan
	@ctest --preset asan

format:
	@git ls-files '*.h' '*.cpp' | xargs clang-format -i

lint: dependencies
	@tools/lint

clean:
	rm -rf build
