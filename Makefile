# ./cart installs the packages that are missing and calls make. `make help` lists the targets.
#
# Everything is made under build/VARIANT (release, asan, ubsan, tsan, plain, fuzz); the programs of a release build are also
# build/bin/*. Sources are found by folder: a new file needs no line here.

VARIANT ?= release
B := build/$(VARIANT)
VERSION := $(file <VERSION)
REVISION := $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
DATADIR ?= $(PREFIX)/share
MANDIR ?= $(DATADIR)/man
SYSCONFDIR ?= $(if $(filter /usr,$(PREFIX)),/etc,$(PREFIX)/etc)
UNITDIR ?= $(PREFIX)/lib/systemd/system

CC ?= cc
CLANG ?= clang
PKG_CONFIG ?= pkg-config
PACKAGES := libevent libevent_openssl jansson libssl libcrypto sqlite3 inih libmariadb libcurl zlib expat
PKG_LIBS := $(shell $(PKG_CONFIG) --libs $(PACKAGES) 2>/dev/null)
PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PACKAGES) 2>/dev/null)
# pkg-config runs once, and only when a test is built.
CMOCKA_CFLAGS = $(eval CMOCKA_CFLAGS := $(shell $(PKG_CONFIG) --cflags cmocka))$(CMOCKA_CFLAGS)
CMOCKA_LIBS = $(eval CMOCKA_LIBS := $(shell $(PKG_CONFIG) --libs cmocka))$(CMOCKA_LIBS)

# Targets that compile nothing also work on a machine without the libraries.
ifneq ($(filter-out clean help uninstall format-check house-rules bench-fresh,$(or $(MAKECMDGOALS),all)),)
ifeq ($(PKG_LIBS),)
$(error $(shell $(PKG_CONFIG) --print-errors --exists $(PACKAGES) 2>&1 || true). Libraries are missing: run ./cart setup)
endif
endif

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
	-Wmissing-prototypes -Wformat=2 -Wno-unknown-warning-option
WERROR ?= -Werror
CFLAGS ?= -O2 -g
# Found once, and only when something is compiled.
HARDENING = $(eval HARDENING := $(shell tools/hardening '$(CC)' '$(CPPFLAGS) $(CFLAGS)'))$(HARDENING)
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -I. $(WARNINGS) $(WERROR) $(VARIANT_HARDENING) $(CPPFLAGS) $(CFLAGS) $(VARIANT_CFLAGS) \
	$(PKG_CFLAGS) -MMD -MP -pthread
ALL_LDFLAGS = $(LDFLAGS) $(VARIANT_LDFLAGS) -pthread

ifeq ($(VARIANT),release)
VARIANT_HARDENING = $(HARDENING)
VARIANT_LDFLAGS := -pie -Wl,-z,relro,-z,now,-z,noexecstack
else ifeq ($(VARIANT),asan)
VARIANT_CFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -O1
VARIANT_LDFLAGS := -fsanitize=address,undefined
else ifeq ($(VARIANT),ubsan)
VARIANT_CFLAGS := -fsanitize=undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -O1
VARIANT_LDFLAGS := -fsanitize=undefined
else ifeq ($(VARIANT),tsan)
VARIANT_CFLAGS := -fsanitize=thread -fno-omit-frame-pointer -O1
VARIANT_LDFLAGS := -fsanitize=thread
else ifeq ($(VARIANT),plain)
VARIANT_CFLAGS := -O1
else ifeq ($(VARIANT),fuzz)
override CC := $(CLANG)
VARIANT_CFLAGS := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer -O1
VARIANT_LDFLAGS := -fsanitize=address,undefined
else
$(error VARIANT=$(VARIANT) is not one of release, asan, ubsan, tsan, plain, fuzz)
endif

# Prints a short line for each file that is built; V=1 prints the commands.
ifeq ($(V),1)
say = @mkdir -p $(@D)
else
.SILENT:
say = @mkdir -p $(@D); echo '  $(1) $@'
endif

objects = $(patsubst %.c,$(B)/%.o,$(1))

CORE_SRC := $(filter-out core/registry.c,$(wildcard core/*.c core/*/*.c))
AWS_SRC := $(wildcard aws/*.c aws/*/*.c)
BACKEND_SRC := $(filter-out backends/fault/% backends/memory/regions/%,$(wildcard backends/*/*.c backends/*/*/*.c))
FAULT_SRC := $(wildcard backends/fault/*.c backends/memory/regions/*.c)
EMBED_OBJ := $(B)/embed/version.o $(B)/embed/sqlite_migrations.o $(B)/embed/mysql_migrations.o \
	$(B)/embed/dynamodb_tables.o \
	$(patsubst schemas/%.yaml,$(B)/embed/%_yaml.o,$(wildcard schemas/openapi.yaml)) $(B)/embed/openapi_strings_yaml.o
LIB_OBJ := $(call objects,$(CORE_SRC) $(AWS_SRC) $(BACKEND_SRC)) $(EMBED_OBJ)
REGISTRY_OBJ := $(B)/core/registry.o
# Test builds have two more backends: one injects faults, the other one simulates two regions.
TEST_REGISTRY_OBJ := $(B)/core/registry-test.o
FAULT_OBJ := $(call objects,$(FAULT_SRC))
FAULT_FLAG := $(if $(FAULT_SRC),-DCART_WITH_FAULT)

SERVER_SRC := $(wildcard server/*.c server/*/*.c)
SERVER_LIB_OBJ := $(call objects,$(filter-out server/main.c,$(SERVER_SRC)))
CTL_SRC := $(wildcard ctl/*.c ctl/*/*.c)
BENCH_SRC := $(wildcard bench/*.c bench/*/*.c)
BENCH_LIB_OBJ := $(call objects,$(filter-out bench/main.c,$(BENCH_SRC))) $(B)/embed/seed_results_json.o \
	$(B)/embed/bench_prices_json.o $(B)/embed/bench_work_json.o $(B)/embed/report_style_css.o
SERVICE := cartd cartctl
PROGRAMS := $(SERVICE) cartbench
FLOOR_SRC := $(wildcard bench/perf/floor/*.c)
MICRO_SRC := $(wildcard bench/perf/micro/*.c)
FLOORS := $(patsubst %.c,$(B)/%,$(filter %_floor.c,$(FLOOR_SRC)))

TEST_LIB_SRC := $(wildcard tests/lib/*.c)
UNIT_SRC := $(wildcard tests/unit/*.c)
CONTRACT_SRC := $(wildcard tests/contract/*.c)
SERVER_TEST_SRC := $(wildcard tests/server/*.c)
TORTURE_SRC := $(wildcard tests/torture/*.c)
MYSQL_TEST_SRC := $(wildcard tests/mysql/*.c)
DYNAMODB_TEST_SRC := $(wildcard tests/dynamodb/*.c)
FUZZ_SRC := $(filter-out tests/fuzz/replay.c,$(wildcard tests/fuzz/*.c))
UNIT_TESTS := $(patsubst %.c,$(B)/%,$(UNIT_SRC))
CONTRACT_TESTS := $(patsubst %.c,$(B)/%,$(CONTRACT_SRC))
SERVER_TESTS := $(patsubst %.c,$(B)/%,$(SERVER_TEST_SRC))
TORTURE_TESTS := $(patsubst %.c,$(B)/%,$(TORTURE_SRC))
MYSQL_TESTS := $(patsubst %.c,$(B)/%,$(MYSQL_TEST_SRC))
DYNAMODB_TESTS := $(patsubst %.c,$(B)/%,$(DYNAMODB_TEST_SRC))
# Python programs that print TAP; $CARTD names the cartd under test.
MYSQL_SCRIPTS := $(wildcard tests/mysql/test_*.py)
DYNAMODB_SCRIPTS := $(wildcard tests/dynamodb/test_*.py)
FAULT_SCRIPTS := $(wildcard tests/fault/test_*.py)
# The longest first.
CHAOS_SCRIPTS := $(wildcard tests/histories/test_*.py tests/histories/storm_*.py tests/fault/chaos_*.py)
FUZZERS := $(patsubst %.c,$(B)/%,$(FUZZ_SRC))
TESTS := $(UNIT_TESTS) $(CONTRACT_TESTS) $(SERVER_TESTS) $(TORTURE_TESTS) $(MYSQL_TESTS) $(DYNAMODB_TESTS)

SOURCES := $(wildcard core/*.c core/*/*.c) $(AWS_SRC) $(BACKEND_SRC) $(FAULT_SRC) $(SERVER_SRC) $(CTL_SRC) $(BENCH_SRC) $(FLOOR_SRC) $(MICRO_SRC) \
	$(TEST_LIB_SRC) $(UNIT_SRC) $(CONTRACT_SRC) $(SERVER_TEST_SRC) $(TORTURE_SRC) $(MYSQL_TEST_SRC) \
	$(DYNAMODB_TEST_SRC) $(wildcard tests/fuzz/*.c)
HEADERS := $(wildcard core/*.h core/*/*.h aws/*.h aws/*/*.h backends/*/*.h backends/*/*/*.h server/*.h server/*/*.h ctl/*.h ctl/*/*.h bench/*.h bench/*/*.h tests/lib/*.h tests/fuzz/*.h tests/contract/*.h \
	tests/unit/*.h tests/server/*.h tests/torture/*.h tests/mysql/*.h tests/dynamodb/*.h)
OBJECTS := $(call objects,$(SOURCES)) $(TEST_REGISTRY_OBJ) $(EMBED_OBJ)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY: $(OBJECTS) $(EMBED_OBJ:.o=.c)
MAKEFLAGS += --no-builtin-rules
.PHONY: FORCE all service programs run tests check check-build flaky check-unit check-contract check-server asan ubsan tsan valgrind \
	check-api check-clients check-deploy check-mysql check-dynamodb check-fault chaos soak matrix torture fuzz fuzz-smoke fuzzers header-check format-check house-rules docs-check docs \
	lint bench bench-access bench-archive bench-attributes bench-mysql bench-dynamodb bench-cache bench-clean bench-feed bench-fresh bench-generator bench-liars bench-open bench-overload bench-regions bench-tls bench-verdicts layouts sample-report exact exact-renew gate install uninstall deb \
	clean help

## all: the programs, into build/bin
## service: cartd and cartctl alone
all: programs
service: $(SERVICE:%=$(B)/bin/%)
ifeq ($(VARIANT),release)
all: into_bin = $(PROGRAMS)
service: into_bin = $(SERVICE)
all service:
	@mkdir -p build/bin && for p in $(into_bin); do \
		[ build/bin/$$p -ef $(B)/bin/$$p ] || ln -sf ../release/bin/$$p build/bin/$$p; done
endif
programs: $(PROGRAMS:%=$(B)/bin/%)
tests: $(TESTS) $(B)/bin/cartd-test programs
fuzzers: $(FUZZERS)

## run: starts build/bin/cartd; ARGS="--backend memory" are its arguments
run:
	./cart run $(ARGS)

# Every file gets a temporary name first: several makes may run in one tree, as two ./cart run do, and none may read half of a file, or
# start half of a program, that another one is writing.
define compile
	$(call say,cc   )
	$(CC) $(ALL_CFLAGS) $(1) -MF $(@:.o=.d).$$$$ -MT $@ -c -o $@.$$$$ $< && mv $(@:.o=.d).$$$$ $(@:.o=.d) && mv $@.$$$$ $@
endef
define link
	$(call say,link )
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@.$$$$ $(filter %.o,$^) $(filter %.a,$^) $(PKG_LIBS) -lm $(LINK_LIBS) && mv $@.$$$$ $@
endef
# $(call embed,KIND,NAME,FILES)
define embed
	$(call say,embed)
	tools/embed $(1) embed_$(2) $(3) >$@.$$$$ && mv $@.$$$$ $@
endef

$(B)/%.o: %.c $(B)/flags
	$(call compile,$(OBJ_CFLAGS))
$(TEST_REGISTRY_OBJ): core/registry.c $(B)/flags
	$(call compile,$(FAULT_FLAG))
$(B)/tests/%.o: OBJ_CFLAGS = $(CMOCKA_CFLAGS)
$(B)/tests/fuzz/%.o: OBJ_CFLAGS =

# Files under schemas/ that are compiled into the programs: core/embed.h declares them. The folder is a prerequisite too, so that a
# new or a removed file leads to a rebuild.
$(B)/embed/%_yaml.c: schemas/%.yaml tools/embed
	$(call embed,text,$(*)_yaml,$<)
$(B)/embed/openapi_strings.yaml: schemas/openapi.yaml tools/openapi-strings
	@mkdir -p $(@D)
	tools/openapi-strings <$< >$@.$$$$ && mv $@.$$$$ $@
$(B)/embed/openapi_strings_yaml.c: $(B)/embed/openapi_strings.yaml tools/embed
	$(call embed,text,openapi_strings_yaml,$<)
define embed_set
$$(B)/embed/$(1)_$(2).c: $$(sort $$(wildcard schemas/$(1)/*.$(3))) $$(wildcard schemas/$(1)) tools/embed
	$$(call embed,set,$(1)_$(2),$$(sort $$(wildcard schemas/$(1)/*.$(3))))
endef
$(eval $(call embed_set,sqlite,migrations,sql))
$(eval $(call embed_set,mysql,migrations,sql))
$(eval $(call embed_set,dynamodb,tables,json))
$(B)/embed/seed_results_json.c: bench/seed150/seed-results.json tools/embed
	$(call embed,text,seed_results_json,$<)
$(B)/embed/bench_prices_json.c: bench/report/prices.json tools/embed
	$(call embed,text,bench_prices_json,$<)
$(B)/embed/bench_work_json.c: bench/report/work.json tools/embed
	$(call embed,text,bench_work_json,$<)
$(B)/embed/report_style_css.c: bench/report/style.css tools/embed
	$(call embed,text,report_style_css,$<)
$(B)/embed/version.c: FORCE
	@mkdir -p $(@D)
	@printf '#include "core/version.h"\n\nconst char cart_version[] = "%s";\nconst char cart_revision[] = "%s";\n' \
		'$(VERSION)' '$(REVISION)' >$@.$$$$; if cmp -s $@.$$$$ $@; then rm $@.$$$$; else mv $@.$$$$ $@; fi
$(B)/embed/%.o: $(B)/embed/%.c $(B)/flags
	$(call compile,-Wno-overlength-strings -Wno-trigraphs)

# Changes only when the flags or the compiler change.
$(B)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(FAULT_FLAG)' | cmp -s - $@ || \
		{ echo '$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(FAULT_FLAG)' >$@.$$$$ && mv $@.$$$$ $@; }

$(B)/bin/cartd: $(B)/server/main.o $(SERVER_LIB_OBJ) $(LIB_OBJ) $(REGISTRY_OBJ)
	$(link)
$(B)/bin/cartd-test: $(B)/server/main.o $(SERVER_LIB_OBJ) $(LIB_OBJ) $(TEST_REGISTRY_OBJ) $(FAULT_OBJ)
	$(link)
$(B)/bin/cartctl: $(call objects,$(CTL_SRC) $(wildcard server/access/*.c)) $(B)/server/settings.o $(LIB_OBJ) $(REGISTRY_OBJ)
	$(link)
# Includes the fault backend: cartbench selftest measures it to show that the probes find faults.
$(B)/bin/cartbench: $(B)/bench/main.o $(BENCH_LIB_OBJ) $(LIB_OBJ) $(TEST_REGISTRY_OBJ) $(FAULT_OBJ)
	$(link)
$(FLOORS): $(B)/bench/perf/floor/%: $(B)/bench/perf/floor/%.o $(B)/bench/perf/floor/floor.o $(LIB_OBJ) $(REGISTRY_OBJ)
	$(link)

$(B)/bench/perf/floor/mysql_floor: $(B)/bench/perf/floor/mysql_form.o
$(B)/bench/perf/micro/flood: $(B)/bench/perf/floor/floor.o
$(B)/bench/perf/micro/regions: $(B)/bench/stats/rng.o $(FAULT_OBJ)
$(MICRO_SRC:%.c=$(B)/%): $(B)/%: $(B)/%.o $(SERVER_LIB_OBJ) $(LIB_OBJ) $(REGISTRY_OBJ)
	$(link)

# All modules that tests and fuzzers may call. It is an archive, so that a test links only what it needs and can replace other
# modules by its own.
TESTED := $(B)/tests/tested.a
$(TESTED): $(SERVER_LIB_OBJ) $(BENCH_LIB_OBJ) $(LIB_OBJ) $(call objects,$(filter-out ctl/main.c,$(CTL_SRC))) $(TEST_REGISTRY_OBJ) $(FAULT_OBJ) $(call objects,$(TEST_LIB_SRC))
	$(call say,ar   )
	rm -f $@.$$$$ && ar rcsT $@.$$$$ $^ && mv $@.$$$$ $@
$(TESTS): LINK_LIBS = $(CMOCKA_LIBS)
$(TESTS): $(B)/tests/%: $(B)/tests/%.o $(TESTED)
	$(link)

ifeq ($(VARIANT),fuzz)
$(FUZZERS): LINK_LIBS = -fsanitize=fuzzer
$(FUZZERS): $(B)/tests/fuzz/%: $(B)/tests/fuzz/%.o $(TESTED)
	$(link)
else
$(FUZZERS): $(B)/tests/fuzz/%: $(B)/tests/fuzz/%.o $(B)/tests/fuzz/replay.o $(TESTED)
	$(link)
endif

# How many test programs run at once. Most of them wait for something most of the time.
JOBS ?= $(shell expr 2 '*' $$(nproc))
RUN := tests/run --jobs $(JOBS)
# Arguments of the runner for each group and variant: $(call run_unit,release,TIMEOUT). The programs of build/VARIANT/bin are tested.
in_variant = $(patsubst $(B)/%,build/$(1)/%,$(2))
backends := $(or $(CART_BACKEND),memory sqlite mysql dynamodb)
# Tests on mysql run on a private MariaDB that is removed afterwards. To run them on the server that CART_MYSQL_* names, into which
# they write: make check-contract CART_BACKEND=mysql WITH_MYSQL=
WITH_MYSQL ?= tools/with-mariadb --fast
# Tests on dynamodb run on a private dynalite; WITH_DYNAMODB= runs them on what CART_DYNAMODB_* and AWS_* name.
WITH_DYNAMODB ?= tools/with-dynalite
with_servers = $(if $(filter mysql,$(backends)),$(WITH_MYSQL)) $(if $(filter dynamodb,$(backends)),$(WITH_DYNAMODB))
tag = $(if $(filter release,$(1)),,-$(1))
# In `make check` the tests of the asan build wait until the same run has built it.
after = $(if $(filter asan,$(1)),--after build-asan)
run_unit = --group unit$(call tag,$(1)) $(call after,$(1)) --timeout $(2) $(call in_variant,$(1),$(UNIT_TESTS))
# Each layout of the dynamodb backend is tested as a suite of its own. The settings are for the tests' rig and for its cartd. Layout rows
# needs a server with transactions, which dynalite is not: tests/dynamodb/test_rows.py brings one, and make matrix SERVERS=dynoxide-rows.
DYNAMODB_LAYOUTS ?= map list
ways = $(if $(filter dynamodb,$(1)),$(addprefix dynamodb-,$(DYNAMODB_LAYOUTS)),$(1))
# Long timeouts, because a server may have to wait for a processor.
way_env = --env CART_BACKEND=$(firstword $(subst -, ,$(1))) \
	$(foreach s,MYSQL_ACQUIRE_TIMEOUT MYSQL_TIMEOUT DYNAMODB_ACQUIRE_TIMEOUT DYNAMODB_TIMEOUT,--env CART_$(s)=60s) \
	$(patsubst dynamodb-%,--env CART_DYNAMODB_LAYOUT=%,$(filter dynamodb-%,$(1)))
# With CART_ID_TYPE, all of them with ids of that type. Without it, all with integers, and with strings those whose time is bearable:
# on dynamodb what reads and writes ids, and in the builds that are instrumented only where no server runs.
contract_of_type = $(if $(filter $(2),$(or $(CART_ID_TYPE),integer)),$(CONTRACT_TESTS),$(if $(CART_ID_TYPE),,$(if \
	$(filter memory sqlite,$(3)),$(CONTRACT_TESTS),$(if $(filter release,$(1)),$(if $(filter mysql,$(3)),$(CONTRACT_TESTS),\
	$(foreach t,cart batches lists owners guests merge whole,$(B)/tests/contract/test_$(t)))))))
run_contract_type = $(foreach w,$(foreach b,$(backends),$(call ways,$(b))),$(if $(call contract_of_type,$(1),$(3),$(w)),\
	--group contract-$(w)$(filter-out -integer,-$(3))$(call tag,$(1)) $(call way_env,$(w)) --env CART_ID_TYPE=$(3) \
	$(call after,$(1)) --timeout $(2) $(call in_variant,$(1),$(call contract_of_type,$(1),$(3),$(w)))))
run_contract = $(foreach t,integer string,$(call run_contract_type,$(1),$(2),$(t)))
# All of them run on the memory backend; the tests of the API run on the other backends too.
api_tests := $(filter $(foreach t,access api api_attributes api_errors api_feed api_erase api_lines api_merge api_reopen api_semantics guests openapi string_ids,$(B)/tests/server/test_$(t)),$(SERVER_TESTS))
# Tests that compare speeds skip themselves on a noisy machine, so they run alone.
speed_tests := $(filter $(B)/tests/server/test_gate,$(SERVER_TESTS))
# These run over TLS too.
connection_tests := $(filter $(B)/tests/server/test_raw $(B)/tests/server/test_drain $(B)/tests/server/test_limits,$(SERVER_TESTS))
run_server = --group server$(call tag,$(1)) $(call after,$(1)) --timeout $(2) \
	$(call in_variant,$(1),$(filter-out $(speed_tests),$(SERVER_TESTS))) \
	--group server$(call tag,$(1)) $(call after,$(1)) $(if $(filter release,$(1)),--alone) --timeout $(2) \
	$(call in_variant,$(1),$(speed_tests)) \
	$(if $(filter release,$(1)),--group server-tls --env TEST_OVER_TLS=1 --timeout $(2) $(connection_tests)) \
	$(if $(filter release,$(1)),$(if $(filter sqlite,$(backends)),--group server-tls-sqlite --env TEST_OVER_TLS=1 --env CART_BACKEND=sqlite \
	--timeout $(2) $(filter $(B)/tests/server/test_api_feed,$(SERVER_TESTS)))) \
	$(foreach b,$(filter-out memory,$(backends)),--group server-$(b)$(call tag,$(1)) --env CART_BACKEND=$(b) \
	$(call after,$(1)) --timeout $(2) \
	$(call in_variant,$(1),$(api_tests)))
# These two run on any backend; each of the others tests one.
TORTURE_STORE := $(B)/tests/torture/test_alloc $(B)/tests/torture/test_callbacks
run_torture = $(foreach b,$(backends),--group torture-$(b)$(call tag,$(1)) --env CART_BACKEND=$(b) --timeout $(2) \
	$(call in_variant,$(1),$(TORTURE_STORE))) \
	--group torture$(call tag,$(1)) --timeout $(2) \
	$(call in_variant,$(1),$(filter-out $(TORTURE_STORE),$(TORTURE_TESTS)))
cartd_of = --env CARTD=$(CURDIR)/build/$(1)/bin/cartd-test
# The scripts run once, on the release build.
mysql_programs = $(call in_variant,$(1),$(MYSQL_TESTS)) $(if $(filter release,$(1)),$(MYSQL_SCRIPTS))
run_mysql = $(if $(filter mysql,$(backends)),$(if $(strip $(call mysql_programs,$(1))),--group mysql$(call tag,$(1)) \
	$(call cartd_of,$(1)) $(call after,$(1)) --timeout $(2) $(call mysql_programs,$(1))))
dynamodb_programs = $(call in_variant,$(1),$(DYNAMODB_TESTS)) $(if $(filter release,$(1)),$(DYNAMODB_SCRIPTS))
run_dynamodb = $(if $(filter dynamodb,$(backends)),$(if $(strip $(call dynamodb_programs,$(1))),--group dynamodb$(call tag,$(1)) \
	$(call cartd_of,$(1)) $(call after,$(1)) --timeout $(2) $(call dynamodb_programs,$(1))))
# Of test_BACKEND_WHAT.py, chaos_BACKEND_WHAT.py and storm_BACKEND.py: those for the chosen backends, and those that name no backend.
of_backends = $(filter-out $(foreach b,$(filter-out $(backends),memory sqlite mysql dynamodb),tests/fault/test_$(b)% \
	tests/fault/chaos_$(b)% tests/histories/storm_$(b)%),$(1))
# Each of these loads a database, so it takes the place of two programs.
run_fault = --group fault$(call tag,$(1)) $(call cartd_of,$(1)) --slots 2 $(call after,$(1)) --timeout $(2) $(call of_backends,$(FAULT_SCRIPTS))
run_replay = --group corpus --after build-asan $(foreach f,$(FUZZ_SRC:.c=),--check corpus/$(notdir $(f)) \
	'build/asan/$(f) $(call corpus,$(f))')
corpus = tests/fuzz/corpus/$(patsubst fuzz_%,%,$(notdir $(1)))
FUZZ_SECONDS ?= 3
run_fuzz = --group fuzz --after build-fuzz --timeout 120 $(foreach f,$(FUZZ_SRC:.c=),--check fuzz/$(notdir $(f)) \
	'tools/fuzz build/fuzz/$(f) $(call corpus,$(f)) $(FUZZ_SECONDS)')
have_clang = $(shell command -v $(CLANG))
make_j := $(MAKE) --no-print-directory -j2
run_style = --group style --timeout 300 --check header-check '$(make_j) header-check' \
	--check format-check '$(make_j) format-check' --check house-rules tools/house-rules --check docs-check '$(make_j) docs-check'
# Shows that the probes of consistency find faults, with the release build and under AddressSanitizer.
run_selftest = --group selftest --timeout 120 --check selftest 'build/release/bin/cartbench selftest' \
	--group selftest --after build-asan --timeout 240 --check selftest-asan 'build/asan/bin/cartbench selftest'
# The baseline holds counts of all backends, so all of them must be chosen.
run_exact = $(if $(filter-out $(backends),memory sqlite mysql dynamodb),,--group exact --timeout 300 \
	--check counts '$(make_j) exact')
run_entry = --group entry --timeout 300 $(wildcard tests/entry/test_*)

# These run beside the first tests, which leave the processors idle most of the time.
run_builds = --group build --slots 2 --timeout 1200 --check build-asan '$(make_j) VARIANT=asan tests fuzzers' \
	$(if $(have_clang),--check build-fuzz '$(make_j) VARIANT=fuzz fuzzers')
# The longest tests are in the middle: after the builds, and not alone at the end.
run_check = $(run_builds) $(call run_unit,release,120) $(call run_contract,release,300) $(call run_server,release,300) \
	$(call run_torture,release,300) $(run_exact) $(run_entry) $(call run_mysql,release,300) $(call run_dynamodb,release,300) \
	$(call run_fault,asan,300) $(call run_contract,asan,600) $(call run_server,asan,600) $(call run_mysql,asan,600) \
	$(call run_dynamodb,asan,600) $(call run_unit,asan,240) $(run_selftest) $(run_style) $(run_replay) \
	$(if $(have_clang),$(run_fuzz))

## check: all tests, torture, fuzz corpora, style, exact counts, install, and the tests again under AddressSanitizer
# The PATH holds only what ./cart installs.
check: check-build
	@echo 'not part of this check: clients generated from schemas/openapi.yaml: make check-clients; the template of deploy/aws and the workflows of docs/examples: make check-deploy'
	@PATH="$$(tests/toolbox build/toolbox)" exec $(with_servers) $(RUN) --summary build/summary $(run_check)
check-build:
	+@$(MAKE) --no-print-directory VARIANT=release all tests
	@$(if $(have_clang),,echo "no clang: the fuzzers only replay their corpora")
## flaky: runs the tests TIMES (50) times beside two busy loops and prints how often each failed; GROUPS="unit contract"
TIMES ?= 50
GROUPS ?= unit contract server torture
flaky: tests
	@$(with_servers) $(RUN) --repeat $(TIMES) --busy 2 $(foreach g,$(GROUPS),$(call run_$(g),release,300))

## check-unit: the unit tests
check-unit: $(UNIT_TESTS) $(B)/bin/cartctl
	@$(RUN) $(call run_unit,$(VARIANT),120)
# For slow servers.
TIMEOUT ?= 300
## check-contract: the rules of the store interface, on CART_BACKEND or on all backends, with ids of CART_ID_TYPE or of both types
## check-api: the tests of the API, on CART_BACKEND or on all backends
check-contract: $(CONTRACT_TESTS)
	@$(with_servers) $(RUN) $(call run_contract,$(VARIANT),$(TIMEOUT))
check-api: $(api_tests) $(B)/bin/cartd-test
	@$(with_servers) $(RUN) $(foreach b,$(backends),--group server-$(b) --env CART_BACKEND=$(b) $(if $(API_LAYOUT),--env CART_DYNAMODB_LAYOUT=$(API_LAYOUT)) --timeout $(TIMEOUT) $(api_tests))
## check-server: tests of a running cartd over sockets
check-server: tests
	@$(with_servers) $(RUN) $(call run_server,$(VARIANT),300)
## check-mysql: tests of the MySQL backend alone
check-mysql: backends := mysql
check-mysql: tests
	@$(with_servers) $(RUN) $(call run_mysql,$(VARIANT),300)
## check-dynamodb: tests of the DynamoDB backend alone
check-dynamodb: backends := dynamodb
check-dynamodb: tests
	@$(with_servers) $(RUN) $(call run_dynamodb,$(VARIANT),300)
## check-clients: clients in Java, Go and TypeScript, generated from schemas/openapi.yaml, and DuckDB on the archive; needs these languages and their registries
check-clients: programs
	@CARTD=$(CURDIR)/$(B)/bin/cartd $(RUN) --group clients --timeout 1800 tests/clients/run
## check-deploy: the CloudFormation template of deploy/aws, and the workflows of docs/examples, by programs that are fetched
check-deploy:
	@$(RUN) --group deploy --timeout 1800 tests/deploy/run
## check-fault: faults of databases and networks while cartd is under load; on CART_BACKEND or on all
## chaos: storms of faults and other tests of them that take minutes, under AddressSanitizer; DOCS=1 writes docs/reliability.md
check-fault: tests
	@$(RUN) $(call run_fault,$(VARIANT),300)
chaos:
	+@$(MAKE) --no-print-directory VARIANT=asan programs build/asan/bin/cartd-test
	@tools/chaos $(if $(DOCS),--docs) $(RUN) --progress --group chaos-asan $(call cartd_of,asan) \
		$(foreach s,CART_SEED CART_TEST,$(if $($(s)),--env '$(s)=$($(s))')) --slots 2 --timeout 3600 $(call of_backends,$(CHAOS_SCRIPTS))
## soak: MINUTES (60) of mixed load with faults on BACKEND (memory), and whether memory, descriptors, threads or latency grow; DOCS=1 as of chaos
MINUTES ?= 60
soak: programs
	@CARTD=$(CURDIR)/$(B)/bin/cartd tests/soak/soak.py --backend '$(BACKEND)' --minutes '$(MINUTES)' $(if $(DOCS),--docs) $(ARGS)
## matrix: contract, API and kill -9 on other servers than ./cart check's; SERVERS="mysql moto", DOCS=1 writes docs/servers.md
SERVERS ?= mysql mariadb-new vitess group-replication galera dynoxide dynoxide-rows moto moto-rows
matrix: tests
	@tools/matrix $(if $(DOCS),--docs) $(SERVERS)
## torture: fails the n-th allocation, disk access and callback, for every n
torture: $(TORTURE_TESTS) $(B)/bin/cartd-test
	@$(with_servers) $(RUN) $(call run_torture,$(VARIANT),600)

## asan: all tests under AddressSanitizer and UndefinedBehaviorSanitizer
## ubsan: all tests under UndefinedBehaviorSanitizer alone
## tsan: all tests under ThreadSanitizer
asan ubsan tsan: export ASAN_OPTIONS ?= detect_stack_use_after_return=1:strict_string_checks=1
asan ubsan tsan: export UBSAN_OPTIONS ?= print_stacktrace=1
asan ubsan tsan: export TSAN_OPTIONS ?= second_deadlock_stack=1:suppressions=$(CURDIR)/tests/tsan.supp
asan ubsan tsan:
	+@$(MAKE) --no-print-directory VARIANT=$@ tests
	@$(with_servers) $(RUN) $(call run_unit,$@,600) $(call run_contract,$@,1200) $(call run_server,$@,1200) \
		$(call run_mysql,$@,1200) $(call run_dynamodb,$@,1200)

# The client library of MySQL runs calls on stacks of 512 KiB of its own: a step of more than 400,000 bytes is from one to another.
VALGRIND := valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,indirect \
	--errors-for-leak-kinds=definite,indirect --fair-sched=try --max-stackframe=400000
## valgrind: unit and contract tests under memcheck
valgrind:
	+@$(MAKE) --no-print-directory VARIANT=plain tests
	@$(with_servers) tests/run $(subst --timeout,--wrap "$(VALGRIND)" --timeout,$(call run_unit,plain,900) $(call run_contract,plain,1800))

## fuzz: fuzzes each target for SECONDS (60), or those of FUZZ="NAME...", one after the other, and prints what was reached; an hour each: SECONDS=3600
fuzz:
	+@$(MAKE) --no-print-directory VARIANT=fuzz fuzzers
	@tools/fuzz-table $(or $(SECONDS),60) build/fuzz/tests/fuzz $(or $(FUZZ),$(patsubst tests/fuzz/fuzz_%.c,%,$(FUZZ_SRC)))
## fuzz-smoke: replays the corpora and fuzzes each target for FUZZ_SECONDS
fuzz-smoke:
	+@$(MAKE) --no-print-directory VARIANT=asan fuzzers
	$(if $(have_clang),+@$(MAKE) --no-print-directory VARIANT=fuzz fuzzers,@echo "no clang: the fuzzers only replay their corpora")
	@tests/run $(run_replay) $(if $(have_clang),$(run_fuzz))

# Compiles each header alone, included twice, with both compilers.
HEADER_STAMPS := $(HEADERS:%=$(B)/headers/cc/%) $(if $(have_clang),$(HEADERS:%=$(B)/headers/clang/%))
## header-check: each header compiles by itself, included twice
header-check: $(HEADER_STAMPS)
	@echo "$(words $(HEADERS)) headers stand alone"
$(HEADER_STAMPS): $(HEADERS) $(B)/flags
$(B)/headers/cc/%: %
	@mkdir -p $(@D)
	@printf '#include "$*"\n#include "$*"\nextern int alone;\n' | $(CC) $(filter-out -MMD -MP,$(ALL_CFLAGS)) -fsyntax-only -x c - && touch $@
$(B)/headers/clang/%: %
	@mkdir -p $(@D)
	@printf '#include "$*"\n#include "$*"\nextern int alone;\n' | $(CLANG) $(filter-out -MMD -MP,$(ALL_CFLAGS)) -fsyntax-only -x c - && touch $@

## format-check: clang-format finds nothing to change
format-check:
	clang-format --dry-run -Werror $(SOURCES) $(HEADERS)
## house-rules: checks which files include which, and what no file may contain
house-rules:
	tools/house-rules
## lint: house rules, shellcheck, clang-tidy, man pages, systemd unit
lint: house-rules
	tools/lint '$(filter-out -MMD -MP,$(ALL_CFLAGS))' $(SOURCES)

## docs: writes docs/settings.md from the settings' tables, and the contents of docs/decisions.md
docs: $(B)/bin/cartctl
	$(B)/bin/cartctl settings --markdown >docs/settings.md.new && mv docs/settings.md.new docs/settings.md
	tools/contents docs/decisions.md
docs-check: $(B)/bin/cartctl
	tools/contents --check docs/decisions.md || { echo 'the contents of docs/decisions.md are old: make docs'; exit 1; }
	$(B)/bin/cartctl settings --markdown | diff -u docs/settings.md - || { echo 'docs/settings.md is old: make docs'; exit 1; }

## bench: measures cartd against the bare floors under it
## bench-access: what it costs cartd to know a caller, in nanoseconds
## bench-mysql: measures cartd on a private MariaDB against blocking clients of it
## bench-dynamodb: measures cartd on a local server that speaks DynamoDB's protocol
## bench-clean: runs the probes of consistency many times on right stores, where none may fire
## bench-fresh: measures ./cart run and ./cart compare on a Debian with nothing but its base system (root, debootstrap, network)
## bench-generator: measures cartbench itself against wrk
## bench-cache: measures what the read cache saves and how stale it makes eventual reads
## bench-archive: measures how fast cartctl archive moves carts from MySQL, and what it takes from adds
## bench-attributes: measures what attributes of lines cost an add
## bench-feed: measures what the feed costs an add, how soon a change is readable, and how fast a consumer reads
## bench-tls: measures what TLS costs on kept connections
## bench-open: measures whether cartbench tells the truth of a service that stalls, beside vegeta, oha and wrk
## bench-regions: measures what carts lose and wait for when they are served in two regions
## bench-overload: measures what cartd does when more comes than it can carry, on each backend
## bench-verdicts: measures whether the verdicts of cartbench h2h can be trusted here
## bench-liars: the same with sides that lie, and with an honest side on a busy machine
bench: all $(FLOORS)
	bench/perf/run-cartd $(ARGS)
bench-access: $(B)/bench/perf/micro/access
	@$<
bench-mysql: all $(FLOORS)
	bench/perf/run-mysql $(ARGS)
bench-dynamodb: all $(FLOORS)
	bench/perf/run-dynamodb $(ARGS)
bench-tls: all
	bench/perf/run-tls $(ARGS)
bench-archive: all
	bench/perf/run-archive $(ARGS)
bench-attributes: all
	bench/perf/run-attributes $(ARGS)
bench-cache: all
	bench/perf/run-cache $(ARGS)
bench-feed: all
	bench/perf/run-feed $(ARGS)
bench-clean: all
	$(WITH_MYSQL) $(WITH_DYNAMODB) bench/perf/run-clean $(ARGS)
bench-fresh:
	bench/perf/run-fresh $(ARGS)
bench-generator: all
	bench/perf/run-generator $(ARGS)
bench-open: all $(B)/bin/cartd-test
	bench/perf/run-open $(ARGS)
bench-overload: all $(B)/bin/cartd-test $(B)/bench/perf/micro/flood
	bench/perf/run-overload $(ARGS)
bench-regions: all $(B)/bench/perf/micro/regions
	bench/perf/run-regions $(ARGS)
bench-verdicts: all
	bench/perf/run-verdicts $(ARGS)
bench-liars: all $(B)/bin/cartd-test
	bench/perf/run-liars $(ARGS)

## layouts: counts what operations take on MySQL and SQLite, for the report that compares layouts (bench/report/work.json)
layouts: all
	bench/perf/run-layouts $(ARGS)

## sample-report: a report of ./cart compare on this machine as docs/sample-report.html, and its first screen as docs/report.png
sample-report:
	./cart compare $(ARGS)
	cp build/report/index.html docs/sample-report.html
	tools/picture docs/sample-report.html docs/report.png 1280 800

## exact: what operations take (calls, units, allocations, instructions) against bench/perf/baseline.json; what grew fails
## exact-renew: makes what they take now the baseline
EXACT := build/exact.json
exact: all
	bench/perf/run-exact --build $(B) --out $(EXACT)
	$(B)/bin/cartbench gate --exact bench/perf/baseline.json $(EXACT)
exact-renew: all
	bench/perf/run-exact --build $(B) --out bench/perf/baseline.json
## gate: this tree's speed against that of its merge base with BASE=REVISION; BACKEND=memory|sqlite|mysql|dynamodb
BACKEND ?= memory
gate:
	@[ -n '$(BASE)' ] || { echo 'make gate needs BASE=REVISION, such as BASE=origin/main'; exit 2; }
	@tools/gate --backend '$(BACKEND)' '$(BASE)' $(ARGS)

## install: into PREFIX (/usr/local) under DESTDIR; an edited cartd.ini stays
## uninstall: removes what install put there; an edited cartd.ini stays
install: all
install uninstall:
	tools/install $@ '$(DESTDIR)' '$(BINDIR)' '$(DATADIR)' '$(MANDIR)' '$(SYSCONFDIR)' '$(UNITDIR)'

## deb: a Debian package for this release of Debian, build/cart_VERSION_ARCHITECTURE.deb
DEB_ROOT := build/release/deb
deb: all
	rm -rf $(DEB_ROOT)
	tools/install install $(DEB_ROOT) /usr/bin /usr/share /usr/share/man /etc /usr/lib/systemd/system
	tools/deb '$(VERSION)' $(DEB_ROOT)

## clean: removes build/
clean:
	rm -rf build

## help: this
help:
	@sed -n 's/^## //p' $(firstword $(MAKEFILE_LIST)) | awk -F ': ' '{ printf "  %-16s %s\n", $$1, substr($$0, length($$1) + 3) }'
	@echo 'VARIANT=release|asan|ubsan|tsan|plain|fuzz chooses the build, CC=clang the compiler, V=1 shows commands.'

-include $(wildcard $(OBJECTS:.o=.d))
