# `make` alone lists the targets. On a fresh Debian machine, as root:
#   make demo                     installs what is missing, builds, draws a picture from a prompt
#   make test                     installs and builds the rest, and runs every test

PROMPT ?= Une affiche blanche avec une pomme et le titre « Marché »
ifeq ($(origin MODEL),undefined)
MODEL := $(firstword $(wildcard models/nano) tests/data/tiny/model)
endif
OUTPUT ?= out/demo.png
BUILD := build/release

# These reach the program as they were typed: neither make nor the shell expands their $, quotes or
# backslashes. Recipes read them from the environment.
override PROMPT := $(value PROMPT)
override MODEL := $(value MODEL)
override OUTPUT := $(value OUTPUT)
override PREFIX := $(value PREFIX)
override DESTDIR := $(value DESTDIR)
export PROMPT MODEL OUTPUT PREFIX DESTDIR

.DEFAULT_GOAL := help
.PHONY: help demo program install uninstall package nano test fuzz asan format lint clean

help:
	@echo 'make demo     install what a picture needs, build it, draw one into out/demo.png'
	@echo '              PROMPT="…"  MODEL=folder  OUTPUT=file.png'
	@echo 'make program  the same without the picture: build/release/bin/glm-image'
	@echo 'make install  build the program and install it below /usr/local, for all users'
	@echo '              PREFIX=folder  DESTDIR=folder; make uninstall removes it'
	@echo 'make package  the program as Debian packages: build/release/packages/*.deb'
	@echo 'make nano     train the model nano from nothing into build/nano; takes days, continues after a stop'
	@echo '              NANO_ARGUMENTS="--budget 60 --output models/nano"; tools/train_nano --help'
	@echo 'make test     install and build everything, run all tests and the fuzz targets'
	@echo 'make fuzz     the fuzz targets alone (clang), 60 s each'
	@echo 'make asan     the tests under the address and undefined-behaviour sanitizers'
	@echo 'make format   clang-format on all our sources'
	@echo 'make lint     clang-format and clang-tidy as checks'
	@echo 'make clean    remove build/'
	@echo 'Packages are installed by apt-get, as root. CMAKE_ARGUMENTS="-D…" goes to cmake.'

# What a picture and the server need: no tests, benches, trainer. A build folder that has these keeps them.
program:
	@tools/install_dependencies demo
	@cmake $(if $(wildcard $(BUILD)/CMakeCache.txt),$(BUILD),--preset demo) $(CMAKE_ARGUMENTS)
	@[ -e $(BUILD)/bin/glm-image ] || echo "building the program: some 420 s of processor time, here on $$(nproc) processors"
	@cmake --build $(BUILD) --target glm-image

# The loader's cache is root's. A staged installation, below DESTDIR, does not belong to this system.
update_loader = [ -n "$$DESTDIR" ] || [ "$$(id -u)" -ne 0 ] || PATH="$$PATH:/sbin" ldconfig

install: program
	@cmake --install $(BUILD) $${PREFIX:+--prefix "$$PREFIX"} >$(BUILD)/install.log
	@$(update_loader)
	@echo "installed $$(grep -c / $(BUILD)/install_manifest.txt) files: $(BUILD)/install_manifest.txt"

uninstall:
	@tools/uninstall $(BUILD)/install_manifest.txt
	@$(update_loader)

# Packages of this distribution. They hold the trainer too, so it is switched on in a build folder without it.
package:
	@tools/install_dependencies train package
	@cmake $(if $(wildcard $(BUILD)/CMakeCache.txt),$(BUILD) -DGLM_IMAGE_TRAIN=ON,--preset package) \
	  -DCMAKE_INSTALL_LIBDIR=lib/$$(dpkg-architecture -qDEB_HOST_MULTIARCH) $(CMAKE_ARGUMENTS)
	@cmake --build $(BUILD) --target glm-image
	@rm -rf $(BUILD)/packages
	@cpack --config $(BUILD)/CPackConfig.cmake
	@rm -rf $(BUILD)/packages/_CPack_Packages

# The trainer is switched on in a build folder without it.
nano:
	@tools/install_dependencies train
	@cmake $(if $(wildcard $(BUILD)/CMakeCache.txt),$(BUILD) -DGLM_IMAGE_TRAIN=ON,--preset package) -DGLM_IMAGE_TOOLS=ON $(CMAKE_ARGUMENTS)
	@cmake --build $(BUILD) --target glm-image make_poster_edits
	@tools/train_nano $(NANO_ARGUMENTS)

demo: program
	@mkdir -p -- "$$(dirname -- "$$OUTPUT")"
	@printf 'prompt: %s\n' "$$PROMPT"
	@case $$MODEL in tests/*) echo "This is the toy checkpoint of the tests: its weights are random, and so is the picture." ;; esac
	@$(BUILD)/bin/glm-image generate --model="$$MODEL" --prompt="$$PROMPT" --seed 1 --output="$$OUTPUT"

test:
	@tools/install_dependencies tests fuzz
	@cmake --preset release $(CMAKE_ARGUMENTS)
	@[ -e $(BUILD)/bin/cli_tests ] || echo "building everything: some 2200 s of processor time, here on $$(nproc) processors"
	@cmake --build --preset release
	@ctest --preset release --parallel 2 || { code=$$?; tools/show_failures $(BUILD); exit $$code; }
	@$(MAKE) --no-print-directory fuzz FUZZ_SECONDS=30

# libFuzzer targets, clang.
fuzz: FUZZ_SECONDS ?= 60
fuzz:
	@tools/install_dependencies fuzz
	@cmake --preset fuzz -DGLM_IMAGE_FUZZ_SECONDS=$(FUZZ_SECONDS)
	@cmake --build --preset fuzz
	@ctest --preset fuzz --parallel 2

asan:
	@tools/install_dependencies tests
	@cmake --preset asan
	@cmake --build --preset asan
	@ctest --preset asan || { code=$$?; tools/show_failures build/asan; exit $$code; }

format:
	@git ls-files '*.h' '*.cpp' | xargs clang-format -i

lint:
	@tools/install_dependencies tests
	@tools/lint

clean:
	rm -rf build
