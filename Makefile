# `make help` lists the targets.

GO      ?= go
NODE    ?= node
BIN     := bin/sluice$(shell $(GO) env GOEXE)
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)

# Named one by one: majors of Node disagree on what --test does with a folder.
NODE_TESTS = $(wildcard runtimes/node/test/*.test.mjs runtimes/node/test/*.test.js runtimes/node/test/*.test.cjs)

# Tools are pinned here and nowhere else, so that everybody sees the same findings.
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0

# How long `make fuzz` spends on each target.
FUZZTIME ?= 10s
# Which benchmarks `make bench` runs, and how often.
BENCH ?= .
COUNT ?= 1

.DEFAULT_GOAL := build

.PHONY: build
build: ## Build bin/sluice: one static file, no paths of this machine in it
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o $(BIN) ./cmd/sluice

.PHONY: man
man: build ## Write the manual pages to bin/man
	SOURCE_DATE_EPOCH=$(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null)) $(BIN) man bin/man/man1

.PHONY: test
test: ## Run the tests; needs Go and Node, nothing else
	$(GO) test ./...
	@$(MAKE) --no-print-directory test-node

.PHONY: test-node
test-node: ## Run the tests of the Node.js runtime with NODE (node)
	$(NODE) --test $(or $(NODE_TESTS),$(error runtimes/node/test holds no *.test.mjs))

.PHONY: race
race: ## Run the Go tests under the race detector; needs a C compiler
	$(GO) test -race ./...

.PHONY: e2e
e2e: build ## Test the built binary from outside: real Node, HTTP clients, Chromium
	SLUICE_E2E=1 SLUICE_BINARY='$(CURDIR)/$(BIN)' $(GO) test -race -count=1 -timeout 30m ./test/e2e/...

# The examples ask nothing of the server that other tests don't, and take minutes.
EXAMPLES := ^Test(Chat|Live|S3|SSR)

.PHONY: e2e-race
e2e-race: ## The same, examples left out, with a binary that carries the race detector; needs a C compiler
	$(GO) build -race -o $(BIN)-race ./cmd/sluice
	SLUICE_E2E=1 SLUICE_BINARY='$(CURDIR)/$(BIN)-race' $(GO) test -count=1 -timeout 30m -skip '$(EXAMPLES)' ./test/e2e/...

.PHONY: screenshots
screenshots: build ## Take the pictures of the examples and of the console anew; needs Chromium
	cd test/e2e && npm ci --no-audit --no-fund
	SLUICE_E2E=1 SLUICE_TEST_NETWORK=1 SLUICE_BINARY='$(CURDIR)/$(BIN)' SLUICE_SCREENSHOTS='$(CURDIR)/examples/screenshots' \
		$(GO) test -count=1 -run Browser ./test/e2e
	mv examples/screenshots/console.png docs/console.png

.PHONY: fuzz
fuzz: ## Fuzz each target for FUZZTIME (10s)
	@grep -rl --include='*_test.go' '^func Fuzz' . | while read -r file; do \
		for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$$file"); do \
			echo "$$(dirname "$$file") $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$(dirname "$$file")" </dev/null || exit 1; \
		done; \
	done

.PHONY: bench
bench: ## Run the benchmarks; BENCH=regexp chooses, COUNT=10 is enough for benchstat
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) ./...

.PHONY: cover
cover: ## Write cover.out and cover.html, print the total
	$(GO) test -coverpkg=./... -coverprofile=cover.out ./...
	$(GO) tool cover -html=cover.out -o cover.html
	$(GO) tool cover -func=cover.out | tail -n 1

.PHONY: lint
lint: format vet staticcheck ## All checks of the source; golangci-lint as well when it is installed
	@if command -v golangci-lint >/dev/null; then golangci-lint run; \
	else echo 'golangci-lint is not installed; the rules for imports are checked by make test'; fi

.PHONY: format
format: ## Fail when a Go file is not gofmt'ed
	@unformatted=$$(gofmt -l $$(git ls-files --cached --others --exclude-standard '*.go')) && \
	if [ -n "$$unformatted" ]; then printf 'gofmt -w these files:\n%s\n' "$$unformatted" >&2; exit 1; fi

.PHONY: vet
vet: ## go vet
	$(GO) vet ./...

.PHONY: staticcheck
staticcheck: ## Staticcheck, pinned; its choice of checks is in staticcheck.conf
	$(GO) run $(STATICCHECK) ./...

.PHONY: tidy
tidy: ## Fail when go.mod or go.sum is not what the imports need
	$(GO) mod tidy -diff

.PHONY: vuln
vuln: ## Look for known vulnerabilities that the code can reach; asks vuln.go.dev
	$(GO) run $(GOVULNCHECK) ./...

.PHONY: cross
cross: ## Compile for the other systems we publish for, without keeping the result
	CGO_ENABLED=0 GOOS=darwin GOARCH=arm64 $(GO) build ./...
	CGO_ENABLED=0 GOOS=windows GOARCH=amd64 $(GO) build ./...

.PHONY: tools
tools: ## Print the pinned tools, one a line; .ci/run reads it
	@echo $(STATICCHECK)
	@echo $(GOVULNCHECK)

.PHONY: clean
clean: ## Remove what the targets above have built
	rm -rf bin dist cover.out cover.html

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "%-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
