# Redoubt's build. The two commands of the README are `make run` and `make test`.

GO      ?= go
MODELS  ?= ../shared/aws-models
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS := -s -w -X main.version=$(VERSION)
# The runtime erases what code on keys leaves behind in registers, stack and heap
# (engine/keyring/harden); without it everything works, and the log says so.
export GOEXPERIMENT ?= runtimesecret
# The suites that run against a whole server.
SUITES = ./service/... ./server/... ./proof/... ./cases/...

.PHONY: run build test deps check generate status matrix soak fuzz bench sops clients vuln fips clean

run: build ## build, start with embedded storage in ./redoubt-data
	bin/redoubt serve

# TAGS=nopkcs11 leaves PKCS #11 out and makes the binary fully static; with it the
# binary needs glibc to run, though no C compiler to build (engine/pkcs11/README.md).
build: ## bin/redoubt, one binary
	CGO_ENABLED=0 $(GO) build -tags '$(TAGS)' -trimpath -ldflags '$(LDFLAGS)' -o bin/redoubt ./cmd/redoubt

deps: ## what the tests need and the machine lacks, from Debian's packages
	@scripts/deps

test: deps build ## everything, on the embedded storage engine, with a smoke test on etcd
	@scripts/test

check: ## formatting, vet, staticcheck, generated code and docs are current
	@MODELS=$(MODELS) scripts/check

generate: ## api packages from the service models, docs/status.md from the rooms
	@MODELS=$(MODELS) scripts/generate

matrix: deps build ## every suite on every storage backend and across restarts
	REDOUBT_MATRIX=1 $(GO) test -timeout 60m ./...
	REDOUBT_TEST_STORE=pebble $(GO) test -count 1 -timeout 60m $(SUITES)
	REDOUBT_TEST_BLOB=s3 REDOUBT_TEST_STORE=pebble $(GO) test -count 1 -timeout 60m ./service/s3 ./service/cloudtrail ./service/lambda ./service/logs ./server
	REDOUBT_TEST_STORE=etcd $(GO) test -tags matrix -count 1 -p 1 -timeout 90m $(SUITES)

soak: deps build ## long kill -9, member loss and clock suites
	REDOUBT_SOAK=1 $(GO) test -timeout 120m -run 'Soak|Kill|Loss|Stale' ./...

fuzz: ## every fuzz target for FUZZTIME each
	@FUZZTIME=$${FUZZTIME:-30s} scripts/fuzz

bench: build ## CPU per request beside a bare handler, in one run
	@scripts/bench

sops: deps build ## the stock sops, built from its Go module, with a KMS key
	@scripts/sops

clients: deps build ## stock rclone and restic, built from their Go modules, with a bucket
	@scripts/clients

vuln: ## known vulnerabilities in dependencies
	@scripts/vuln

fips: ## build and test with Go's FIPS 140-3 module
	@scripts/fips

clean:
	rm -rf bin dist
