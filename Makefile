# FirmFlow Recovery. `make help` lists what there is.

.DEFAULT_GOAL := help
.PHONY: help build demo screens test test-large setup fmt vet lint go-test bench torture kills drills fuzz torture-backup clean

# Without git or tags the version says so instead of failing.
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

# With CI=true a test that needs Docker or PostgreSQL fails where it would otherwise be skipped.
ifeq ($(CI),true)
REQUIRE := FIRMFLOW_RECOVERY_TEST_REQUIRE=docker,postgres
endif

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

build: ## compile ./firmflow-recovery
	CGO_ENABLED=0 go build -trimpath -ldflags "-X main.version=$(VERSION)" -o firmflow-recovery .

demo: ## rehearse a recovery on a sample FirmFlow; options in DEMO_FLAGS
	@.ci/setup demo
	@$(MAKE) --no-print-directory build
	./firmflow-recovery demo $(DEMO_FLAGS)

screens: ## draw the wizard's screens again, from real runs, into docs/screens
	@.ci/setup demo
	@$(MAKE) --no-print-directory build
	@.ci/screens

test: ## everything CI runs: set-up, format, vet, lint, build, tests
	@for part in setup fmt vet lint build go-test; do $(MAKE) --no-print-directory $$part || exit; done

setup: ## install what the tests need
	.ci/setup test

fmt: ## list files that gofmt would change, and fail if there are any
	@unformatted=$$(gofmt -l .) || exit; test -z "$$unformatted" || { echo "gofmt would change:"; echo "$$unformatted"; exit 1; }

vet: ## run go vet
	go vet ./...

lint: ## run golangci-lint, building it first where it is missing
	@linter=$$(.ci/setup lint) && set -x && "$$linter" run ./...

go-test: ## run the Go tests alone, with the race detector; most of them wait for an installation of their own
	$(REQUIRE) go test -race -count=1 -timeout 80m -parallel 4 ./...

test-large: ## recover 2 GiB of documents and a dump of 1 GiB, unpack a million documents, and measure the memory: minutes, and 10 GiB of disk
	FIRMFLOW_RECOVERY_TEST_LARGE=1 go test -count=1 -v -timeout 60m -run 'TestMemoryDoesNotGrowWithTheData|TestC24' .

bench: ## compare our commands with the guide's on this machine: minutes; BENCH=full for figures to quote, BENCH_ONLY="vault whole" for parts, BENCH_DIR for another disk
	BENCH=$${BENCH:-quick} go test -count=1 -v -timeout 300m -run TestBench .

# Both print what repeats a failure: a seed, or an input.
torture: ## damage backups at random, TORTURE=1000 of them, repair as many dumps from terminals, and make kills
	FIRMFLOW_RECOVERY_TORTURE=$${TORTURE:-1000} FIRMFLOW_RECOVERY_TORTURE_SEED=$${SEED:-$$(date +%s)} go test -count=1 -v -timeout 4h -run TestNoDamageIsTakenForASoundBackup ./steps
	FIRMFLOW_RECOVERY_TORTURE=$${TORTURE:-1000} FIRMFLOW_RECOVERY_TORTURE_SEED=$${SEED:-$$(date +%s)} go test -count=1 -v -timeout 4h -run TestNoDamagedBackupIsTakenForASoundOne .
	FIRMFLOW_RECOVERY_TEST_DUMPS=$${TORTURE:-1000} go test -count=1 -v -timeout 4h -run TestA1RealDumpsThroughRealTerminals ./recovery/dump
	@$(MAKE) --no-print-directory kills

fuzz: ## run every fuzz target for FUZZTIME, 10 minutes if nothing else is said
	@grep -rl '^func Fuzz' --include='*_test.go' . | sort | while read -r file; do \
		for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9]*\)(.*/\1/p' $$file); do \
			echo "=== $$(dirname $$file) $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $${FUZZTIME:-10m} $$(dirname $$file) || exit; \
		done || exit; \
	done

kills: ## kill recoveries at random, KILLS=1000 in the sandbox and COMPOSE_KILLS=50 on Compose, and CUTS=50 losses of power: an hour or more
	FIRMFLOW_RECOVERY_KILLS=$${KILLS:-1000} FIRMFLOW_RECOVERY_KILLS_SEED=$${SEED:-$$(date +%s)} FIRMFLOW_RECOVERY_PAIRS=$${PAIRS:-20} \
	FIRMFLOW_RECOVERY_KILLS_ON_COMPOSE=$${COMPOSE_KILLS:-50} FIRMFLOW_RECOVERY_FILLS=$${FILLS:-50} FIRMFLOW_RECOVERY_CUTS=$${CUTS:-50} go test -count=1 -v -timeout 6h -run 'TestNothingIsLostWherever|TestF3TwoEngines|TestB29C9A' .

drills: ## drill ten times on Compose beside a production that is asked all the time, and kill half as many: half an hour
	FIRMFLOW_RECOVERY_TEST_DRILLS=$${DRILLS:-10} go test -count=1 -v -timeout 3h -run TestDrillsOnComposeAre .

torture-backup: ## kill 50 backups at any moment, take 20 under write load, and restore what is left: an hour
	FIRMFLOW_RECOVERY_TEST_KILLS=50 FIRMFLOW_RECOVERY_TEST_LOADS=20 go test -count=1 -v -timeout 3h -run 'TestAKilledBackup|TestABackupUnderWriteLoad' .

clean: ## remove what make builds here; caches stay
	rm -f firmflow-recovery coverage.* bench.md bench.json
