# Penstock. `make` lists the targets; each works alone from a fresh clone with python3, make and git.
.DEFAULT_GOAL := help
ATTACKED := $(or $(ENGINE),trino)
CASES_OVER := $(if $(filter command line,$(origin ENGINE)),$(ENGINE))
TABLES_IN := $(or $(ENGINE),clickhouse)
ENGINE ?= lake
USERS ?= 100
SECONDS ?= 120
SEED ?= 1
RUN := .venv/bin/python

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-18s %s\n", $$1, $$2}'

.PHONY: demo
demo: ## run the demo world in the foreground (ENGINE=trino puts the real Trino behind it)
	@scripts/bootstrap.sh demo
	@exec .venv/bin/penstock demo --engine $(ENGINE)

.PHONY: test
test: install ## lint, types, import order, and every suite
	@scripts/test.sh

.PHONY: test-long
test-long: install ## only the tests that take too long for every change
	@scripts/test.sh long

.PHONY: test-clients
test-clients: install ## every real client on the demo, the heavy ones too
	@$(RUN) -m pytest -q tests/clients

.PHONY: lint
lint: install ## formatting, lint, types, import order
	@scripts/lint.sh

.PHONY: install
install: ## make .venv from the lock files
	@scripts/bootstrap.sh dev

.PHONY: lock
lock: install ## rewrite the lock files from pyproject.toml
	@scripts/lock.sh

.PHONY: compare
compare: install ## run FILE=queries.sql on a real Trino and through the gateway, and compare the answers
	@.venv/bin/penstock compare $(FILE)

.PHONY: attacks
attacks: install ## run the attack cases in FILE on a gateway over ENGINE=trino|lake|clickhouse; JSON lines to OUT=
	@$(RUN) -m tests.attacks $(FILE) --engine $(ATTACKED) $(if $(OUT),--out $(OUT))

.PHONY: function-table
function-table: install ## the demo with the function cases' table, as clickhouse.traps.trap for admin1 (ENGINE=clickhouse)
	@exec $(RUN) -m tests.function_table --engine $(TABLES_IN) $(if $(CASES),--cases $(CASES))

.PHONY: mv-cases
mv-cases: install ## answer the cases of substitution in FILE, over real views in ClickHouse; JSON lines to OUT=
	@$(RUN) -m loadtests.mv_cases $(FILE) --out $(OUT) $(if $(ONLY),--only $(ONLY)) $(if $(CASES_OVER),--engine $(CASES_OVER))

.PHONY: fuzz
fuzz: install ## random statements times random policies for SECONDS from SEED, against a reduced copy (ENGINE=lake|clickhouse|trino)
	@$(RUN) -m tests.fuzz --seconds $(SECONDS) --seed $(SEED) --engine $(ENGINE) $(FUZZ_OPTIONS)

.PHONY: bench-statement
bench-statement: install ## time added per statement, against a stub coordinator
	@$(RUN) -m loadtests.statement

.PHONY: bench-plan
bench-plan: install ## time of a governed plan that is not cached
	@$(RUN) -m loadtests.plan

.PHONY: bench-decisions
bench-decisions: install ## a policy decision with few rules and with many; a reload of 10,000
	@$(RUN) -m loadtests.decisions

.PHONY: bench-diff
bench-diff: install ## a draft of policies compared with 10,000 recorded statements
	@$(RUN) -m loadtests.diff

.PHONY: bench-enforcement
bench-enforcement: install ## what policies cost a cold 4 kB query, apart from parsing and generating it
	@$(RUN) -m loadtests.enforcement

.PHONY: bench-dashboards
bench-dashboards: install ## the demo's twenty dashboard queries with and without materialized views, in turns
	@$(RUN) -m loadtests.dashboards $(DASHBOARDS_OPTIONS)

.PHONY: bench-views
bench-views: install ## what it costs to look among 1,000 materialized views for one that answers
	@$(RUN) -m loadtests.views

.PHONY: bench-paths
bench-paths: install ## TPC-H and TPC-DS on every path (lake, ClickHouse, Trino, copies in ClickHouse), policed and not, each answer against the real Trino's
	@$(RUN) -m loadtests.paths $(PATHS_OPTIONS)

.PHONY: bench-traps
bench-traps: install ## every function over every type, and queries drawn by SEED, on every path, each answer against the real Trino's
	@$(RUN) -m loadtests.traps --seed $(SEED) $(TRAPS_OPTIONS)

.PHONY: bench-estimate
bench-estimate: install ## estimates against what engines read: TPC-H, TPC-DS, the demo, on lake, Trino, ClickHouse and views
	@$(RUN) -m loadtests.estimate

.PHONY: bench-relay
bench-relay: install ## throughput of a million rows through the relay, against direct
	@$(RUN) -m loadtests.relay

.PHONY: bench-api
bench-api: install ## reads of the admin API with 10,000 policies and 1,000 partners, beside statements
	@$(RUN) -m loadtests.api

.PHONY: bench-console
bench-console: install ## processor time and bytes of the console's pages with 10,000 policies and 1,000 partners
	@$(RUN) -m loadtests.console

.PHONY: bench-audit
bench-audit: install ## a walk over a million links of the audit, and what an append costs
	@$(RUN) -m loadtests.audit

.PHONY: bench-revoke
bench-revoke: install ## from a revocation's answer until all of three gateways refuse the partner
	@$(RUN) -m loadtests.revoke

.PHONY: bench-promote
bench-promote: install ## from a promotion's answer until all of three gateways act by it
	@$(RUN) -m loadtests.promote

.PHONY: bench-reserve
bench-reserve: install ## what reserving and settling of three budgets adds to a warm statement
	@$(RUN) -m loadtests.reserve

.PHONY: budget-storm
budget-storm: install ## 200 statements at once against budgets for 50, on Postgres and SQLite, with gateways killed
	@$(RUN) -m loadtests.budget_storm

.PHONY: bench-clients
bench-clients: install ## a million rows by the Python client, JDBC and the CLI, against direct
	@$(RUN) -m loadtests.clients

.PHONY: bench-peers
bench-peers: install ## beside nginx and trino-gateway 20, in one run
	@$(RUN) -m loadtests.peers

.PHONY: load
load: install ## USERS=100 on the demo for SECONDS=120 (ENGINE=trino too); writes an HTML report
	@scripts/bootstrap.sh load
	@$(RUN) -m loadtests.load --users $(USERS) --seconds $(SECONDS) --engine $(ENGINE) $(LOAD_OPTIONS)

.PHONY: clean
clean: ## remove the environment and the demo's state
	rm -rf .venv .venv-load .uv .demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
