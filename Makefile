# `make help` lists the targets: the comment after a target is its help.
#
# Variables that a caller may set: ARGS (more arguments for the server of `make serve`), IMAGE (the image's tag), SOURCE (the address of the
# sources, for the image's label),
# CONTAINER_BUILD (see scripts/container.sh), PYTHON, CARGO, LIBTORCH (another libtorch than ours, for cargo too),
# LUNGFIELD_DATA (a data set of real films, for the tests that want one), FUZZ_SECONDS (for each target of `make fuzz`),
# FUZZ_TARGETS (some of them).

CARGO ?= cargo
PYTHON ?= python3
VERSION := $(shell sed -n 's/^version = "\(.*\)"$$/\1/p' Cargo.toml)
IMAGE ?= lungfield:$(VERSION)
SOURCE ?=
ARGS ?=
FUZZ_SECONDS ?= 600
FUZZ_TARGETS ?=

# One profile for everything, --release, since torch-sys takes minutes to compile in each.
BUILD := --release --locked
BIN := $(or $(CARGO_TARGET_DIR),target)/release
# The compiler that torch-sys calls; make itself presets CXX.
COMPILER := $(if $(filter default,$(origin CXX)),c++,$(firstword $(CXX)))
STARTED := $(shell date +%s)
# Where a release is put.
DIST := target/dist
# What cargo finds there beside what is installed for everybody.
CARGO_DENY := 0.20.2
export PATH := $(CURDIR)/.tools/bin:$(PATH)

# Cargo has the machine to itself: `make -j` has nothing to share out, and its job server would only slow cargo down.
.NOTPARALLEL:
unexport MAKEFLAGS
SHELL := /bin/sh
.SHELLFLAGS := -ec
.DEFAULT_GOAL := help

seconds = $$(($$(date +%s) - $(STARTED)))
step = @echo "== $(1) (at $(seconds) s)"
need = @command -v $(1) >/dev/null 2>&1 || { echo "make: there is no $(1): $(2)" >&2; exit 1; }

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' Makefile

.PHONY: serve
serve: programs ## Fetch libtorch, build, and serve the shipped model on 127.0.0.1:8080; more flags by ARGS=…
	@echo "== set up in $(seconds) s"
	@exec "$(BIN)/lungfield-serve" $(ARGS)

.PHONY: test
test: lint deny test-rust try-api try-dicom try-oip try-archive try-deploy try-docs ## Everything that CI runs: lint, deny, unit and integration tests, the tests from outside
	@echo "== make test took $(seconds) s"

.PHONY: test-rust
test-rust: libtorch ## Unit, integration and documentation tests
	$(call step,tests)
	@[ -n "$$LUNGFIELD_DATA" ] || echo "LUNGFIELD_DATA is not set: the tests on real films skip"
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
	    $(CARGO) nextest run $(BUILD); \
	else \
	    $(CARGO) test $(BUILD) --all-targets; \
	fi
	$(call step,documentation tests)
	@$(CARGO) test $(BUILD) --doc

.PHONY: test-api
test-api: programs try-api ## The real server against openapi.yaml, with requests that schemathesis draws

# With the programs as they are. `test` has them from test-rust; to build them again as `serve` does, without the
# features that dependencies gain in tests, would compile the library a second time.
.PHONY: try-api
try-api:
	$(call step,API test)
	@PYTHON="$(PYTHON)" sh scripts/venv.sh .venv scripts/requirements-api-test.txt
	@.venv/bin/python scripts/api_test.py --server "$(BIN)/lungfield-serve" --phantom "$(BIN)/lungfield-phantom"

.PHONY: test-dicom
test-dicom: programs try-dicom ## DICOM in and out, as highdicom and pydicom read and write it

.PHONY: dicom-venv
dicom-venv:
	@PYTHON="$(PYTHON)" sh scripts/venv.sh .venv-dicom scripts/requirements-dicom-test.txt

.PHONY: try-dicom
try-dicom: dicom-venv
	$(call step,DICOM test)
	@.venv-dicom/bin/python scripts/dicom_test.py --server "$(BIN)/lungfield-serve" --phantom "$(BIN)/lungfield-phantom"
	@.venv-dicom/bin/python scripts/orthanc_hook_test.py

.PHONY: test-dicom-peers
test-dicom-peers: programs dicom-venv ## What dicom3tools and DCMTK make of the DICOM objects that are written
	$(call step,DICOM validators)
	@.venv-dicom/bin/python scripts/dicom_validate.py --server "$(BIN)/lungfield-serve" --phantom "$(BIN)/lungfield-phantom"

.PHONY: test-orthanc
test-orthanc: programs dicom-venv ## A real PACS: films by C-STORE, the hook, masks in the same study
	$(call step,Orthanc)
	@.venv-dicom/bin/python scripts/orthanc_test.py --server "$(BIN)/lungfield-serve" --phantom "$(BIN)/lungfield-phantom"

.PHONY: test-oip
test-oip: programs try-oip ## The Open Inference Protocol, as Triton's client speaks it

.PHONY: try-oip
try-oip:
	$(call step,Open Inference Protocol)
	@PYTHON="$(PYTHON)" sh scripts/venv.sh .venv-oip scripts/requirements-oip-test.txt
	@.venv-oip/bin/python scripts/oip_test.py --server "$(BIN)/lungfield-serve" --phantom "$(BIN)/lungfield-phantom"

.PHONY: test-archive
test-archive: programs try-archive ## An archive in an S3 server, workers killed, two at once

.PHONY: try-archive
try-archive:
	$(call step,archives)
	@PYTHON="$(PYTHON)" sh scripts/venv.sh .venv-archive scripts/requirements-archive-test.txt
	@.venv-archive/bin/python scripts/archive_test.py --segment "$(BIN)/lungfield-segment" --phantom "$(BIN)/lungfield-phantom"

.PHONY: test-deploy
test-deploy: programs try-deploy ## The manifests and compose, offline: schemas, and what one says of another and of the programs

.PHONY: try-deploy
try-deploy:
	$(call step,manifests)
	@if sh scripts/debian.sh kubectl kubernetes-client >/dev/null; then \
	    PYTHON="$(PYTHON)" sh scripts/venv.sh .venv-deploy scripts/requirements-deploy.txt; \
	    .venv-deploy/bin/python scripts/deploy_check.py --server "$(BIN)/lungfield-serve" --segment "$(BIN)/lungfield-segment"; \
	    .venv-deploy/bin/python scripts/deploy_check_test.py; \
	else \
	    echo "the check of the manifests is skipped"; \
	fi

.PHONY: test-docs
test-docs: libtorch ## README.md and the pages: shell blocks are run; targets, flags, files and links must exist
	@$(CARGO) build $(BUILD)
	@$(MAKE) --no-print-directory try-docs

.PHONY: try-docs
try-docs:
	$(call step,pages)
	@PYTHON="$(PYTHON)" sh scripts/docs/check.sh "$(BIN)"

.PHONY: docs
docs: libtorch ## Build the pages as a book, with the API reference beside it, in target/book; builds mdBook once where it is missing
	@CARGO="$(CARGO)" PYTHON="$(PYTHON)" sh scripts/docs/build.sh

.PHONY: lint
lint: libtorch ## Formatting, clippy and rustdoc, all without a warning
	$(call step,format)
	@$(CARGO) fmt --check
	$(call step,clippy)
	@$(CARGO) clippy $(BUILD) --all-targets -- --deny warnings
	$(call step,rustdoc)
	@RUSTDOCFLAGS="$$RUSTDOCFLAGS --deny warnings" $(CARGO) doc $(BUILD) --no-deps
	$(call step,version)
	@"$(PYTHON)" scripts/release/version_check.py
	@"$(PYTHON)" scripts/release/release_test.py
	@weights=$$(sed -n 's/.*"weights_sha256": "\(.*\)".*/\1/p' models/lungfield-segnet/manifest.json); \
	grep -qx "ARG WEIGHTS_SHA256=$$weights" docker/Dockerfile || { \
	    echo "make: WEIGHTS_SHA256 in docker/Dockerfile is not the manifest's" >&2; exit 1; }

.PHONY: deny
deny: need-rust ## Licences, bans and sources of the dependencies; builds cargo-deny once where there is none
	$(call step,dependencies)
	@$(CARGO) deny --version >/dev/null 2>&1 || \
	    $(CARGO) install --quiet --locked --root .tools cargo-deny --version "$(CARGO_DENY)"
	@$(CARGO) deny --locked check bans licenses sources

.PHONY: format
format: need-rust ## Format the sources
	@$(CARGO) fmt

.PHONY: libtorch
libtorch: need-rust need-c++ ## Fetch libtorch for the CPU into .libtorch, unless it is there
	@if [ -n "$$LIBTORCH" ]; then echo "LIBTORCH is set: $$LIBTORCH is used"; exit 0; fi; \
	version=$$(sed -n 's/^TORCH_VERSION = "\(.*\)"$$/\1/p' scripts/libtorch.py); \
	if [ "$$(cat .libtorch/build-version 2>/dev/null)" = "$$version" ] && [ -d .libtorch/licenses ]; then exit 0; fi; \
	echo "== libtorch $$version (at $(seconds) s)"; \
	"$(PYTHON)" -m pip --version >/dev/null 2>&1 || { \
	    echo "make: there is no $(PYTHON) with pip: install it (Debian: apt install python3-pip)" >&2; exit 1; }; \
	exec "$(PYTHON)" scripts/libtorch.py .libtorch

.PHONY: programs
programs: libtorch
	$(call step,build)
	@$(CARGO) build $(BUILD) --bin lungfield-serve --bin lungfield-segment --bin lungfield-phantom

# Created: when the commit was, so that the same commit makes the same image. SOURCE is the address of the sources, where there is one.
image-labels = revision=$$(git describe --always --abbrev=40 --dirty --exclude '*' 2>/dev/null) && \
    set -- --label "org.opencontainers.image.revision=$$revision" \
        --label "org.opencontainers.image.created=$$(git log -1 --format=%cI)" || set --

.PHONY: image
image: ## Build the container image for the CPU; CONTAINER_BUILD names another tool than docker, podman and buildah
	@$(image-labels); sh scripts/container.sh build docker/Dockerfile . "$(IMAGE)" --target cpu \
	    $(if $(SOURCE),--label "org.opencontainers.image.source=$(SOURCE)") "$$@"
	@echo "== make image took $(seconds) s"

.PHONY: image-cuda
image-cuda: ## Build the container image for CUDA; fetches 3 GB
	@$(image-labels); sh scripts/container.sh build docker/Dockerfile . "$(IMAGE)-cuda" --target cuda \
	    $(if $(SOURCE),--label "org.opencontainers.image.source=$(SOURCE)") "$$@"
	@echo "== make image-cuda took $(seconds) s"

.PHONY: test-image
test-image: programs image ## Run the container image: a phantom in, its mask out, no shell, nothing written, labels true
	@"$(PYTHON)" scripts/image_test.py --image "$(IMAGE)" --phantom "$(BIN)/lungfield-phantom"

.PHONY: test-image-cuda
test-image-cuda: programs image-cuda ## The same with the image for CUDA, on the CPU
	@"$(PYTHON)" scripts/image_test.py --image "$(IMAGE)-cuda" --phantom "$(BIN)/lungfield-phantom" --cuda

.PHONY: check-libraries
check-libraries: ## Fetch libtorch for CUDA into .libtorch-cuda (3 GB), and check that no library is missing
	@"$(PYTHON)" scripts/libtorch.py --cuda .libtorch-cuda
	@"$(PYTHON)" scripts/library_check.py --path .libtorch-cuda/lib .libtorch-cuda/lib

.PHONY: test-browser
test-browser: programs ## The page in Chromium: films, keyboard, themes, phone, other origins, axe-core; pictures in target/browser
	$(call step,browser)
	@"$(PYTHON)" scripts/axe.py .tools/axe.min.js
	@export LUNGFIELD_AXE="$(CURDIR)/.tools/axe.min.js"; \
	if $(CARGO) nextest --version >/dev/null 2>&1; then \
	    $(CARGO) nextest run $(BUILD) --test it --run-ignored only --test-threads 1 browser::; \
	else \
	    $(CARGO) test $(BUILD) --test it -- --ignored --test-threads 1 browser::; \
	fi

.PHONY: test-replicas
test-replicas: programs ## Three servers behind nginx, one killed, one restarted: no request may fail; takes minutes
	$(call step,replicas)
	@"$(PYTHON)" scripts/replicas_test.py --server "$(BIN)/lungfield-serve" --phantom "$(BIN)/lungfield-phantom" $(ARGS)

.PHONY: test-overload
test-overload: programs ## Ten times the load that the machine can serve: who gets what, how fast, in how much memory
	$(call step,overload)
	@"$(PYTHON)" scripts/reliability/overload.py --server "$(BIN)/lungfield-serve" --phantom "$(BIN)/lungfield-phantom" $(ARGS)

.PHONY: test-alerts
test-alerts: ## The alert rules and the dashboard; promtool comes with Debian's prometheus
	$(call step,alerts)
	@"$(PYTHON)" deploy/grafana/make_dashboard.py --check
	@cd deploy/prometheus && promtool check config prometheus.yaml compose.yaml && promtool test rules alerts_test.yaml

.PHONY: test-system
test-system: ## What needs more of a machine than cargo: image, overload, alerts, DICOM peers, Orthanc, browser, replicas behind nginx; says what it skips
	@if sh scripts/container.sh engine; then \
	    $(MAKE) --no-print-directory test-image; \
	else \
	    echo "the image test is skipped"; \
	fi
	@$(MAKE) --no-print-directory test-overload
	@if sh scripts/debian.sh promtool prometheus; then \
	    $(MAKE) --no-print-directory test-alerts; \
	else \
	    echo "the test of the alerts is skipped"; \
	fi
	@$(MAKE) --no-print-directory test-dicom-peers
	@if sh scripts/debian.sh Orthanc orthanc && sh scripts/debian.sh storescu dcmtk; then \
	    sh scripts/debian.sh /usr/share/orthanc/plugins/libOrthancDicomWeb.so orthanc-dicomweb || true; \
	    $(MAKE) --no-print-directory test-orthanc; \
	else \
	    echo "the test with Orthanc is skipped"; \
	fi
	@sh scripts/debian.sh /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf fonts-dejavu-core >/dev/null || true
	@if sh scripts/debian.sh chromium chromium && sh scripts/debian.sh chromedriver chromium-driver; then \
	    $(MAKE) --no-print-directory test-browser; \
	else \
	    echo "the test in a browser is skipped"; \
	fi
	@if sh scripts/debian.sh nginx nginx-light; then \
	    $(MAKE) --no-print-directory test-replicas; \
	else \
	    echo "the replicas test is skipped"; \
	fi
	@echo "== make test-system took $(seconds) s"

.PHONY: archive
archive: libtorch ## The release's archive in target/dist: programs, libtorch, model; compiles everything once more, in target/archive
	$(call step,programs of the release)
	@CARGO="$(CARGO)" sh scripts/release/build.sh target/archive
	$(call step,archive)
	@"$(PYTHON)" scripts/release/archive.py --programs target/archive/release --libtorch "$${LIBTORCH:-.libtorch}" --out "$(DIST)"

.PHONY: sbom
sbom: libtorch release-venv ## The list of the release's parts (SBOM), CycloneDX, in target/dist; held against CycloneDX's schema
	@mkdir -p "$(DIST)"
	@"$(PYTHON)" scripts/release/sbom.py --libtorch "$${LIBTORCH:-.libtorch}" --out "$(DIST)/sbom.cdx.json"
	@.venv-release/bin/python scripts/release/sbom_validate.py "$(DIST)/sbom.cdx.json"

.PHONY: release-venv
release-venv:
	@PYTHON="$(PYTHON)" sh scripts/venv.sh .venv-release scripts/requirements-release.txt

.PHONY: test-release
test-release: archive try-release ## The archive on a bare Debian 12 in a chroot: unpacked, started, asked; says so where it skips

.PHONY: try-release
try-release:
	$(call step,systemd's unit)
	@if command -v systemd-analyze >/dev/null 2>&1; then \
	    folder=$$(mktemp -d); trap 'rm -r "$$folder"' EXIT; \
	    sed 's|=/opt/lungfield/bin/lungfield-serve|=/bin/true|' deploy/systemd/lungfield.service >"$$folder/lungfield.service"; \
	    said=$$(systemd-analyze verify "$$folder/lungfield.service" 2>&1); [ -z "$$said" ] || { echo "$$said" >&2; exit 1; }; \
	else \
	    echo "the unit is not looked at: there is no systemd-analyze"; \
	fi
	$(call step,archive on a bare Debian)
	@if [ "$$(id -u)" = 0 ] && sh scripts/debian.sh debootstrap debootstrap; then \
	    "$(PYTHON)" scripts/release/chroot_test.py --dist "$(DIST)" --debian target/debian-12; \
	else \
	    echo "the test of the archive is skipped: it wants root and debootstrap"; \
	fi

.PHONY: release-check
release-check: ## Whether this commit may be released: versions, dated changelog, clean tree, parts, archive twice the same, a bare Debian
	$(call step,release)
	@"$(PYTHON)" scripts/release/version_check.py --release
	@[ -z "$$(git status --porcelain)" ] || { echo "make: there are changes that are not committed:" >&2; git status --short >&2; exit 1; }
	@"$(PYTHON)" scripts/release/release_test.py
	@rm -rf "$(DIST)" target/dist-again
	@$(MAKE) --no-print-directory archive sbom
	@$(MAKE) --no-print-directory archive DIST=target/dist-again
	@cmp "$(DIST)"/*.tar.gz target/dist-again/*.tar.gz && cmp "$(DIST)/sbom.cdx.json" target/dist-again/sbom.cdx.json
	@rm -rf target/dist-again && echo "the archive is the same, made twice"
	@$(MAKE) --no-print-directory try-release
	@echo "== make release-check took $(seconds) s"

.PHONY: fuzz
fuzz: libtorch ## Send every decoder and parser what nobody would send, FUZZ_SECONDS each; needs cargo-fuzz
	@CARGO="$(CARGO)" PYTHON="$(PYTHON)" sh scripts/fuzz.sh "$(FUZZ_SECONDS)" $(FUZZ_TARGETS)

# Benchmarks want the machine to themselves. None of them is part of `test`.
.PHONY: bench
bench: libtorch ## Time each step of a request and print how far it is from its floor; then start, memory of a server
	$(call step,steps)
	@$(CARGO) bench --locked --bench steps
	@"$(PYTHON)" benches/table.py
	$(call step,footprint)
	@$(CARGO) build $(BUILD) --bin lungfield-serve --bin lungfield-phantom --example ten-lines
	@"$(PYTHON)" benches/footprint/footprint.py

.PHONY: bench-serving
bench-serving: programs ## Load test beside other ways to serve the same weights; takes most of an hour; ARGS=… for compare.py
	@PYTHON="$(PYTHON)" sh scripts/venv.sh benches/serving/.venv benches/serving/requirements.txt
	@benches/serving/.venv/bin/python benches/serving/compare.py --out benches/serving/results $(ARGS)
	@benches/serving/.venv/bin/python benches/serving/summary.py benches/serving/results

.PHONY: clean
clean: ## Remove what was built and fetched: target, .libtorch, .tools and every .venv
	rm -rf target .libtorch .libtorch-cuda .tools .venv .venv-* benches/serving/.venv

.PHONY: need-rust
need-rust:
	$(call need,$(CARGO),install Rust 1.95 (https://rustup.rs))

.PHONY: need-c++
need-c++:
	$(call need,$(COMPILER),install a C++ compiler (Debian: apt install build-essential))
