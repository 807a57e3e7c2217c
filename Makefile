# The targets explain themselves: make help.
.DEFAULT_GOAL := help
SHELL := /bin/bash

# What to test. Empty means the default: the newest versions that the source has.
export ISTIO ?=
export KUBERNETES ?=
# release, modules or archive; empty asks whether a registry answers.
export IMAGES ?=
# The file that IMAGES=archive reads.
export ARCHIVE ?=
# default, cni (a network plugin instead of init containers) or ambient (no sidecars).
export PROFILE ?=
# 3 or 4: the Helm by whose library Istio is installed. Of a matrix also 3,4: the newest pair by both.
export HELM ?=
# A file with an image of ztunnel, as docker save writes it, for PROFILE=ambient with IMAGES=modules.
export ZTUNNEL ?=
# existing takes the cluster of KUBECONFIG with the Istio that it has.
export CLUSTER ?=
# skip is the only way with CLUSTER=existing, and may be left out there.
export INSTALL ?=
# 1 adds the outages to make e2e and make mutate, some minutes more; all adds the rarer ones too.
export OUTAGE ?=
# How long make soak watches a mesh.
export HOURS ?=
export MINUTES ?=
# 1 keeps the cluster for the next run.
export KEEP ?=
# What an upgrade leads from and to; empty means the default and the minor before.
export FROM ?=
export TO ?=
# Which part of the breaks make mutate makes, such as 1/4.
export SHARD ?=
# suite or suite/check, separated by commas; empty runs all.
export RUN ?=
# Which profiles make gateway-api runs, separated by commas; empty means all but UDP.
export GATEWAY_PROFILES ?=
# The report.json of an earlier run, or matrix, to compare with.
export BASELINE ?=

BIN := bin
COMMIT := $(shell git describe --always --dirty 2>/dev/null)
TOOL := go tool -modfile=$(CURDIR)/tools/go.mod
ACTIONLINT := go tool -modfile=tools/actionlint/go.mod
# Modules of their own with code of ours: two images, and the comparison with other
# load generators.
MODULES := . images/backend images/gateway-api benchmarks
STEP := tools/step
export CGO_ENABLED := 0
# The same as those of the images (internal/process/gobuild), with which the harness
# shares what is compiled.
export GOFLAGS += -trimpath -buildvcs=false -gcflags=all=-dwarf=false -ldflags=-s

##@ Checks on real clusters

.PHONY: e2e
e2e: $(BIN)/e2e.test ## Prove that Istio, installed by Helm, works: KEEP=1 RUN=ingress/retries ISTIO=1.31 KUBERNETES=1.36 IMAGES=release|modules|archive PROFILE=default|cni|ambient HELM=3|4 OUTAGE=1|all BASELINE=last/report.json
	@$(BIN)/e2e.test

.PHONY: e2e-values
e2e-values: $(BIN)/e2e.test ## Prove a dozen installations with other values than the harness's own (fixtures/installations)
	@tools/e2e-values

.PHONY: mutate
mutate: $(BIN)/e2e.test ## Break the system on purpose and prove that exactly the right checks fail: SHARD=1/4 RUN=mutation/retries-cut
	@MUTATE=1 $(BIN)/e2e.test

.PHONY: exam
exam: $(BIN)/e2e.test ## Play public bug reports on a cluster and score whether diagnose names their cause: KEEP=1 RUN=exam/<report>
	@EXAM=1 $(BIN)/e2e.test

.PHONY: matrix
matrix: $(BIN)/e2e.test $(BIN)/istio-conformance ## Run the checks on many pairs of versions and merge one report: ISTIO=1.30,1.31 KUBERNETES=1.35,1.36 UPGRADES=1.30:1.31 HELM=3,4 JOBS=1 BASELINE=last/report.json
	@$(BIN)/istio-conformance matrix $(if $(JOBS),--jobs $(JOBS)) $(if $(FRESH),--fresh)

.PHONY: upgrade
upgrade: $(BIN)/e2e.test ## Upgrade Istio under traffic, roll it back and forward again: FROM=1.30 TO=1.31 REPEAT=1 BUDGET=0 VALUES=recommended|charts|both RUN=upgrade/in-place
	@UPGRADE=1 $(BIN)/e2e.test

.PHONY: gateway-api
gateway-api: $(BIN)/e2e.test ## Run the Gateway API's own conformance suite and compare with what Istio claims: ISTIO=1.31 GATEWAY_PROFILES=GATEWAY-HTTP,MESH-HTTP KEEP=1 RUN=gateway-api/HTTPRouteWeight
	@GATEWAY_API=1 $(BIN)/e2e.test

.PHONY: load
load: $(BIN)/e2e.test ## Measure the gateway's latency and capacity thoroughly (about half an hour): KEEP=1 RUN=load/capacity
	@LOAD=full RUN=$${RUN:-load} $(BIN)/e2e.test

.PHONY: soak
soak: $(BIN)/e2e.test ## Let a mesh work for hours under small traffic and changes, and say whether memory or open files grow: HOURS=1, or MINUTES=20
	@HOURS=$${HOURS:-$(if $(MINUTES),,1)} RUN=$${RUN:-soak} $(BIN)/e2e.test

.PHONY: rehearse
rehearse: $(BIN)/istio-conformance ## Say what a new version of Istio changes for a captured mesh: CAPTURE=mesh.tar.gz TO=1.31 FROM=1.30 HOW=static|config|traffic WITH=changed.tar.gz ACCEPTED=accepted.yaml REPORT=out
	@$(BIN)/istio-conformance rehearse --$(or $(HOW),static) $(if $(WITH),--with $(WITH)) $(CAPTURE)

.PHONY: images
images: $(BIN)/istio-conformance ## Build or fetch every image and chart of a run beforehand
	@$(BIN)/istio-conformance images build

.PHONY: doctor
doctor: $(BIN)/istio-conformance ## Say whether this machine can run the checks
	@$(BIN)/istio-conformance doctor

.PHONY: programs
programs: $(BIN)/e2e.test $(BIN)/istio-conformance $(BIN)/kernel-probe $(BIN)/load-generator $(BIN)/capbound-runtime ## Compile every program that a site without Go needs into bin/ (docs/air-gapped.md)

.PHONY: kernel
kernel: $(BIN)/kernel-probe ## Say whether this machine's kernel can carry Istio, and what to do if not
	@$(BIN)/kernel-probe

.PHONY: clean
clean: $(BIN)/istio-conformance ## Remove the clusters, containers and reports of this project, and stop the engine it started
	@$(BIN)/istio-conformance clean
	rm -rf out $(BIN)

##@ Documents

.PHONY: list
list: $(BIN)/istio-conformance ## List every check with its promise
	@$(BIN)/istio-conformance list

.PHONY: catalogue
catalogue: $(BIN)/istio-conformance ## Write docs/catalogue.md and docs/config.schema.json from the code
	@$(BIN)/istio-conformance list --format markdown > $(BIN)/catalogue.md && mv $(BIN)/catalogue.md docs/catalogue.md
	@$(BIN)/istio-conformance schema > $(BIN)/schema.json && mv $(BIN)/schema.json docs/config.schema.json

.PHONY: man
man: $(BIN)/istio-conformance ## Write the manual pages to bin/man
	@$(BIN)/istio-conformance man --output $(BIN)/man

##@ Checks on the code

.PHONY: test
test: tools ## Run the linters and the unit tests, side by side, and say what took how long
	@SECONDS=0; $(MAKE) --no-print-directory --jobs=2 unit lint && echo "test: $$SECONDS s"

# The programs of the tools module are compiled on first use, for minutes without a word.
.PHONY: tools
tools:
	@$(STEP) tools bash -c 'for tool in golangci-lint gotestsum; do $(TOOL) -n $$tool >/dev/null || exit 1; done; $(ACTIONLINT) -n actionlint >/dev/null'

.PHONY: unit
unit: $(MODULES:%=unit/%) ## Run the unit tests

.PHONY: $(MODULES:%=unit/%)
$(MODULES:%=unit/%): unit/%:
	@cd $* && $(CURDIR)/$(STEP) $@ bash -c '$(TOOL) gotestsum --format pkgname-and-test-fails -- $$(go list ./... | grep -v /e2e$$)'

.PHONY: test-kernel
test-kernel: ## Boot a kernel in QEMU, take its modules away one by one, and prove that exactly the right requirement turns red
	@ISTIO_CONFORMANCE_GUEST=1 go test -count=1 -timeout 20m -run TestEachMissingModule -v ./internal/machine/kernelprobe/guest

.PHONY: test-rehearse
test-rehearse: ## Change one thing after the other below an istiod, and see that rehearse --config names exactly it; and find what is known to change from 1.30 to 1.31
	@ISTIO_CONFORMANCE_PLANES=1 go test -count=1 -timeout 20m -run 'Planted|Known' -v ./internal/rehearse/config

.PHONY: test-rehearse-traffic
test-rehearse-traffic: ## Change one thing after the other in a mesh that runs, and see that rehearse --traffic names exactly it
	@ISTIO_CONFORMANCE_REHEARSAL=1 go test -count=1 -timeout 30m -run Planted -v ./suites/rehearsal

.PHONY: test-report
test-report: ## Look at the report's page in Chromium: pictures in out/page, a clean console, axe-core without a violation
	@ISTIO_CONFORMANCE_BROWSER=1 go test -count=1 -timeout 20m ./internal/report/browser

.PHONY: test-release
test-release: $(BIN)/e2e.test $(BIN)/istio-conformance $(BIN)/test-release ## Try IMAGES=release without the internet, from a registry and a chart repository on 127.0.0.1, which fail too: STEPS=plan,versions,faults,node-port,e2e,newer,archive,upgrade FROM=1.30
	@$(BIN)/test-release -steps "$(STEPS)" -istio "$(ISTIO)" -kubernetes "$(KUBERNETES)" -from "$(FROM)"

.PHONY: trust
trust: ## Show whether the load generator and its verdicts can be believed on this machine: stubs of known delay, comparisons of equal paths (half an hour)
	@mkdir -p out
	@go run ./internal/traffic/openloop/trust -rate 1000 -block 250ms -record out/aa-rounds.json

.PHONY: lint
lint: lint/format $(MODULES:%=lint/%) lint/workflows ## Check formatting, go vet, golangci-lint and that the modules are tidy

.PHONY: lint/format lint/workflows $(MODULES:%=lint/%)
lint/format:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$unformatted" || { echo "gofmt: $$unformatted"; exit 1; }

$(MODULES:%=lint/%): lint/%:
	@cd $* && $(CURDIR)/$(STEP) $@/tidy go mod tidy -diff
	@cd $* && $(CURDIR)/$(STEP) $@/vet go vet ./...
	@cd $* && $(CURDIR)/$(STEP) $@/golangci-lint $(TOOL) golangci-lint run --config $(CURDIR)/.golangci.yml ./...

lint/workflows:
	@$(STEP) $@ $(ACTIONLINT) actionlint

.PHONY: vulnerabilities
vulnerabilities: ## Look for known vulnerabilities in what the code calls (asks the network)
	@$(TOOL) govulncheck ./...

##@ Help

.PHONY: help
help: ## Show this help
	@awk 'BEGIN {FS = ":.*##"} \
		/^##@/ {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z0-9-]+:.*##/ {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Helm 4 is a hundred packages more: it is compiled in where it is asked for, and into
# the programs that others get.
HELM4 = $(findstring 4,$(HELM))
programs: HELM4 = 4

# The compiler decides what is out of date; it knows better than make.
.PHONY: $(BIN)/e2e.test $(BIN)/istio-conformance $(BIN)/kernel-probe $(BIN)/load-generator $(BIN)/capbound-runtime $(BIN)/test-release
$(BIN)/e2e.test:
	@$(if $(HELM4),GOFLAGS="$$GOFLAGS -tags=helm4") tools/compile $@ ./e2e

$(BIN)/istio-conformance:
	@set -o pipefail; go build -ldflags "-s -X main.commit=$(COMMIT)$(if $(RELEASE), -X main.tag=$(RELEASE))" -o $@ ./cmd/istio-conformance 2>&1 | { grep -v '^go: downloading' || true; }

$(BIN)/kernel-probe $(BIN)/load-generator $(BIN)/capbound-runtime:
	@set -o pipefail; go build -o $@ ./cmd/$(@F) 2>&1 | { grep -v '^go: downloading' || true; }

$(BIN)/test-release:
	@set -o pipefail; go build -o $@ ./e2e/testrelease 2>&1 | { grep -v '^go: downloading' || true; }
