# The two commands of Separatrix: `make demo` and `make check`. Each installs what is missing (Debian/Ubuntu), builds and runs.
# CMake is underneath; `cmake --preset release` works as well.

BUILD  ?= build
JOBS   ?= $(shell nproc)
EXE     = $(BUILD)/separatrix

.PHONY: all demo check docs bench bench-peers dist deps build install nightly format clean

all: build

deps:
	@sh tools/install_deps.sh build

$(BUILD)/build.ninja: | deps
	cmake -S . -B $(BUILD) -G Ninja -DCMAKE_BUILD_TYPE=Release -DSX_TESTS=OFF

build: deps $(BUILD)/build.ninja
	cmake --build $(BUILD) -j $(JOBS)

demo: build
	@mkdir -p out
	$(EXE) run examples/celegans/celegans.toml --out out/celegans --force
	@echo "The report is at out/celegans/report.html"

# Everything CI runs: formatting, layers, headers, GCC with sanitizers, Clang, tests, examples, mutants.
check:
	@sh tools/install_deps.sh check
	@JOBS=$(JOBS) sh tools/check.sh

# Longer suites: more kills, fuzzing, rotating seeds.
nightly:
	@sh tools/install_deps.sh nightly
	@JOBS=$(JOBS) sh tools/nightly.sh

docs: build
	@sh tools/install_deps.sh docs
	sh tools/docs.sh $(BUILD)

bench: build
	$(EXE) bench

bench-peers: build
	sh bench/peers/run.sh $(EXE)

dist: build
	cd $(BUILD) && cpack -G TGZ -B ../dist

install: build
	cmake --install $(BUILD)

format:
	git ls-files '*.c' '*.h' '*.cpp' | xargs clang-format -i

clean:
	rm -rf $(BUILD) build-* dist out
