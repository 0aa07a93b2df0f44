# `make help` lists the targets: the comment after a target is its help. Targets only name commands; what decides is a script.
#
# Variables that a caller may set: ARGS (more arguments for `make serve` and some tests), IMAGE (the image's tag), SOURCE (the
# address of the sources, for the image's label), CONTAINER_BUILD (see scripts/image/container.sh), PYTHON, CARGO, LIBTORCH
# (another libtorch than ours, for cargo too), LUNGFIELD_DATA (a data set of real films, for the tests that use one),
# FUZZ_SECONDS (for each target of `make fuzz`), FUZZ_TARGETS (some of them).
export CARGO ?= cargo
export PYTHON ?= python3
export IMAGE ?= lungfield:$(shell sed -n 's/^version = "\(.*\)"$$/\1/p' Cargo.toml)
export SOURCE ?=
FUZZ_SECONDS ?= 600
# Where a release is put.
export DIST := target/dist
# What cargo finds there beside what is installed for everybody.
export PATH := $(CURDIR)/.tools/bin:$(PATH)
# One profile for everything, --release, since torch-sys takes minutes to compile in each.
BUILD := --release --locked
STARTED := $(shell date +%s)
seconds = $$(($$(date +%s) - $(STARTED)))
step = @echo "== $(1) (at $(seconds) s)"
# Runs a Python script, by its module; and several with the packages of a subject.
python = @echo "== $(1) (at $(seconds) s)"; "$(PYTHON)" -m $(1)
run = @echo "== $(2) (at $(seconds) s)"; sh scripts/run.sh $(1) $(2)

# Cargo has the machine to itself: `make -j` has nothing to share out, and its job server would only slow cargo down.
.NOTPARALLEL:
unexport MAKEFLAGS
SHELL := /bin/sh
.SHELLFLAGS := -ec
.DEFAULT_GOAL := help
.PHONY: $(shell sed -n 's/^\([a-z][a-z -]*\):.*/\1/p' Makefile)

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' Makefile
serve: libtorch ## Fetch libtorch, build, and serve the shipped model on 127.0.0.1:8080; more flags by ARGS=…
	@$(CARGO) build $(BUILD) --workspace --bin lungfield-serve --bin lungfield-phantom
	@echo "== set up in $(seconds) s"
	@exec "$${CARGO_TARGET_DIR:-target}/release/lungfield-serve" $(ARGS)

test: lint deny test-rust try-api try-dicom try-oip try-archive try-deploy try-docs ## Everything that CI runs: lint, deny, unit and integration tests, the tests from outside
	@echo "== make test took $(seconds) s"
test-rust: libtorch ## Unit, integration and documentation tests
	$(call step,tests that need no libtorch)
	@sh scripts/rust/without_libtorch.sh
	$(call step,tests)
	@sh scripts/rust/test.sh
	$(call step,documentation tests)
	@$(CARGO) test $(BUILD) --workspace --doc

# The targets try-… use the programs as they are. `test` has them from test-rust; to build them again as `programs` does, without
# the features that dependencies gain in tests, could compile the library a second time.
test-api: programs try-api ## The real server against openapi.yaml, with requests that schemathesis draws
try-api:
	$(call run,api,scripts.api.check)
test-dicom: programs try-dicom ## DICOM in and out, as highdicom and pydicom read and write it
try-dicom:
	$(call run,dicom,scripts.dicom.check scripts.orthanc.hook_test scripts.orthanc.hook_wire_test)
test-dicom-peers: programs ## What dicom3tools and DCMTK make of the DICOM objects that are written
	$(call run,dicom,scripts.dicom.validate)
test-orthanc: programs ## A real PACS: films by C-STORE, the hook, masks in the same study
	$(call run,dicom,scripts.orthanc.check)
test-oip: programs try-oip ## The Open Inference Protocol, as Triton's client speaks it
try-oip:
	$(call run,oip,scripts.oip.check)
test-archive: programs try-archive ## An archive in an S3 server, workers killed, two at once
try-archive:
	$(call run,archive,scripts.archive.check)
test-deploy: programs try-deploy ## The manifests and compose, offline: schemas, and what one says of another and of the programs
try-deploy:
	$(call step,manifests)
	@sh scripts/deploy/check.sh
test-docs: programs try-docs ## README.md and the pages: shell blocks are run; targets, flags, files and links must exist
try-docs:
	$(call step,pages)
	@sh scripts/docs/check.sh "$${CARGO_TARGET_DIR:-target}/release"
docs: libtorch ## Build the pages as a book, with the API reference beside it, in target/book; builds mdBook once where it is missing
	@sh scripts/docs/build.sh
test-browser: programs ## The page in Chromium: films, keyboard, themes, phone, other origins, axe-core; pictures in target/browser
	$(call step,browser)
	@sh scripts/browser/test.sh
test-replicas: programs ## Three servers behind nginx, one killed, one restarted: no request may fail; takes minutes
	$(call python,scripts.replicas.check $(ARGS))
test-overload: programs ## Ten times the load that the machine can serve: who gets what, how fast, in how much memory
	$(call python,scripts.reliability.overload $(ARGS))
test-alerts: ## The alert rules and the dashboard; promtool comes with Debian's prometheus
	$(call step,alerts)
	@"$(PYTHON)" deploy/grafana/make_dashboard.py --check
	@cd deploy/prometheus && promtool check config prometheus.yaml compose.yaml && promtool test rules alerts_test.yaml
test-system: ## What needs more of a machine than cargo: image, overload, alerts, DICOM peers, Orthanc, browser, replicas behind nginx; says what it skips
	@sh scripts/system/test.sh
	@echo "== make test-system took $(seconds) s"

lint: lint-rust lint-python lint-page ## Formatting and lints of Rust, Python, the page, shell scripts and workflows, all without a warning
lint-rust: libtorch
lint-rust lint-python lint-page: lint-%:
	$(call step,lint of $*)
	@sh scripts/lint/$*.sh
deny: need-rust ## Licences, bans and sources of the dependencies; builds cargo-deny once where there is none
	$(call step,dependencies)
	@sh scripts/rust/deny.sh
format: need-rust ## Format the sources
	@sh scripts/lint/format.sh

libtorch: need-rust ## Fetch libtorch for the CPU into .libtorch, unless it is there
	@sh scripts/libtorch/provide.sh
programs: libtorch
	$(call step,build)
	@$(CARGO) build $(BUILD) --workspace --bins
check-libraries: ## Fetch libtorch for CUDA into .libtorch-cuda (3 GB), and check that no library is missing
	@"$(PYTHON)" -m scripts.libtorch.fetch --cuda .libtorch-cuda
	@"$(PYTHON)" -m scripts.libtorch.library_check --path .libtorch-cuda/lib .libtorch-cuda/lib
need-rust:
	@command -v $(CARGO) >/dev/null || { echo "make: there is no $(CARGO): install Rust 1.95 (https://rustup.rs)" >&2; exit 1; }

image: ## Build the container image for the CPU; CONTAINER_BUILD names another tool than docker, podman and buildah
	@sh scripts/image/build.sh cpu "$(IMAGE)"
image-cuda: ## Build the container image for CUDA; fetches 3 GB
	@sh scripts/image/build.sh cuda "$(IMAGE)-cuda"
test-image: programs image ## Run the container image: a phantom in, its mask out, no shell, nothing written, labels true
	$(call python,scripts.image.check --image $(IMAGE))
test-image-cuda: programs image-cuda ## The same with the image for CUDA, on the CPU
	$(call python,scripts.image.check --image $(IMAGE)-cuda --cuda)

archive: libtorch ## The release's archive in target/dist: programs, libtorch, model; compiles everything once more, in target/archive
	@sh scripts/release/archive.sh
sbom: libtorch ## The list of the release's parts (SBOM), CycloneDX, in target/dist; held against CycloneDX's schema
	@sh scripts/release/sbom.sh
test-release: archive try-release ## The archive on a bare Debian 12 in a chroot: unpacked, started, asked; says so where it skips
try-release:
	@sh scripts/release/try.sh
release-check: ## Whether this commit may be released: versions, dated changelog, clean tree, parts, archive twice the same, a bare Debian
	@sh scripts/release/check.sh
	@echo "== make release-check took $(seconds) s"

fuzz: libtorch ## Send every decoder and parser what nobody would send, FUZZ_SECONDS each; needs cargo-fuzz
	@sh scripts/fuzz/run.sh "$(FUZZ_SECONDS)" $(FUZZ_TARGETS)
# Benchmarks want the machine to themselves. None of them is part of `test`.
bench: libtorch ## Time each step of a request and print how far it is from its floor; then start, memory of a server
	$(call step,steps)
	@$(CARGO) bench --locked --workspace --bench steps
	@"$(PYTHON)" -m benches.table
	$(call step,footprint)
	@$(CARGO) build $(BUILD) --workspace --bin lungfield-serve --bin lungfield-phantom --example load_only
	@"$(PYTHON)" -m benches.footprint.footprint
bench-serving: programs ## Load test beside other ways to serve the same weights; takes most of an hour; ARGS=… for compare.py
	@sh scripts/venv.sh benches/serving/.venv benches/serving/requirements.txt
	@benches/serving/.venv/bin/python -m benches.serving.compare --out benches/serving/results $(ARGS)
	@benches/serving/.venv/bin/python -m benches.serving.summary benches/serving/results
clean: ## Remove what was built and fetched: target, .libtorch, .tools and every .venv
	rm -rf target .libtorch .libtorch-cuda .tools .venv .venv-* benches/serving/.venv
