# ./cart sees to what must be installed and calls this. `make help` lists the targets.
#
# Everything is made under build/VARIANT (release, asan, ubsan, tsan, plain); the programs of a release build are also
# build/bin/*. Sources are found by folder: a new file needs no line here.

VARIANT ?= release
B := build/$(VARIANT)
VERSION := $(shell cat VERSION)
REVISION := $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)

CC ?= cc
PKG_CONFIG ?= pkg-config
PACKAGES := libevent jansson libcrypto sqlite3 inih
PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PACKAGES))
PKG_LIBS := $(shell $(PKG_CONFIG) --libs $(PACKAGES))

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
	-Wmissing-prototypes -Wformat=2 -Wno-unknown-warning-option
WERROR ?= -Werror
HARDENING := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -I. $(WARNINGS) $(WERROR) $(CFLAGS) $(VARIANT_CFLAGS) \
	$(PKG_CFLAGS) -MMD -MP -pthread
ALL_LDFLAGS = $(LDFLAGS) $(VARIANT_LDFLAGS) -pthread

ifeq ($(VARIANT),release)
VARIANT_CFLAGS := $(HARDENING)
VARIANT_LDFLAGS := -pie -Wl,-z,relro,-z,now
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
else
$(error VARIANT=$(VARIANT) is not one of release, asan, ubsan, tsan, plain)
endif

objects = $(patsubst %.c,$(B)/%.o,$(1))

CORE_SRC := $(filter-out core/registry.c,$(wildcard core/*.c))
BACKEND_SRC := $(filter-out backends/fault/%,$(wildcard backends/*/*.c))
FAULT_SRC := $(wildcard backends/fault/*.c)
EMBED_OBJ := $(B)/embed/version.o $(B)/embed/sqlite_migrations.o \
	$(patsubst schemas/%.yaml,$(B)/embed/%_yaml.o,$(wildcard schemas/openapi.yaml))
LIB_OBJ := $(call objects,$(CORE_SRC) $(BACKEND_SRC)) $(EMBED_OBJ)
REGISTRY_OBJ := $(B)/core/registry.o
# Test builds know one backend more, the one that misbehaves on purpose.
TEST_REGISTRY_OBJ := $(B)/core/registry-test.o
FAULT_OBJ := $(call objects,$(FAULT_SRC))

SERVER_SRC := $(wildcard server/*.c)
SERVER_LIB_OBJ := $(call objects,$(filter-out server/main.c,$(SERVER_SRC)))
CTL_SRC := $(wildcard ctl/*.c)
BENCH_SRC := $(wildcard bench/*.c)
BENCH_LIB_OBJ := $(call objects,$(filter-out bench/main.c,$(BENCH_SRC)))
PROGRAMS := cartd cartctl cartbench
FLOORS := $(patsubst bench/floor/%.c,$(B)/bench/floor/%,$(wildcard bench/floor/*.c))

TEST_LIB_OBJ := $(call objects,$(wildcard tests/lib/*.c))
UNIT_TESTS := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/*.c))
CONTRACT_TESTS := $(patsubst %.c,$(B)/%,$(wildcard tests/contract/*.c))
SERVER_TESTS := $(patsubst %.c,$(B)/%,$(wildcard tests/server/*.c))
TORTURE_TESTS := $(patsubst %.c,$(B)/%,$(wildcard tests/torture/*.c))
TESTS := $(UNIT_TESTS) $(CONTRACT_TESTS) $(SERVER_TESTS) $(TORTURE_TESTS)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules
.PHONY: all programs tests

## all: the programs, into build/bin
all: programs
ifeq ($(VARIANT),release)
	@mkdir -p build/bin && for p in $(PROGRAMS); do ln -sf ../release/bin/$$p build/bin/$$p; done
endif
programs: $(PROGRAMS:%=$(B)/bin/%)
tests: $(TESTS) $(B)/bin/cartd-test programs

# Files under schemas/ that the programs carry inside: core/embed.h declares them. A folder is a prerequisite too, so that a
# file that goes or comes is noticed.
$(B)/embed/%_yaml.c: schemas/%.yaml tools/embed
	@mkdir -p $(@D)
	tools/embed text embed_$(*)_yaml $< >$@
$(B)/embed/sqlite_migrations.c: $(sort $(wildcard schemas/sqlite/*.sql)) $(wildcard schemas/sqlite) tools/embed
	@mkdir -p $(@D)
	tools/embed set embed_sqlite_migrations $(sort $(wildcard schemas/sqlite/*.sql)) >$@
$(B)/embed/version.c: FORCE
	@mkdir -p $(@D)
	@printf '#include "core/version.h"\n\nconst char cart_version[] = "%s";\nconst char cart_revision[] = "%s";\n' \
		'$(VERSION)' '$(REVISION)' >$@.new; cmp -s $@.new $@ && rm $@.new || mv $@.new $@
$(B)/embed/%.o: $(B)/embed/%.c $(B)/flags
	$(CC) $(ALL_CFLAGS) -Wno-overlength-strings -Wno-trigraphs -c -o $@ $<

$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(OBJ_CFLAGS) -c -o $@ $<
$(TEST_REGISTRY_OBJ): core/registry.c $(B)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -DCART_WITH_FAULT -c -o $@ $<
$(B)/tests/%.o: OBJ_CFLAGS = $(shell $(PKG_CONFIG) --cflags cmocka)

# Rebuilt when the flags or the compiler change, and only then.
$(B)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS)' | cmp -s - $@ || echo '$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS)' >$@
FORCE:

link = @mkdir -p $(@D); \
	echo "$(CC) -o $@"; $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(PKG_LIBS) $(LINK_LIBS)

$(B)/bin/cartd: $(B)/server/main.o $(SERVER_LIB_OBJ) $(LIB_OBJ) $(REGISTRY_OBJ)
	$(link)
$(B)/bin/cartd-test: $(B)/server/main.o $(SERVER_LIB_OBJ) $(LIB_OBJ) $(TEST_REGISTRY_OBJ) $(FAULT_OBJ)
	$(link)
$(B)/bin/cartctl: $(call objects,$(CTL_SRC)) $(LIB_OBJ) $(REGISTRY_OBJ)
	$(link)
$(B)/bin/cartbench: $(B)/bench/main.o $(BENCH_LIB_OBJ) $(LIB_OBJ) $(REGISTRY_OBJ)
	$(link)
$(FLOORS): $(B)/bench/floor/%: $(B)/bench/floor/%.o $(LIB_OBJ) $(REGISTRY_OBJ)
	$(link)

$(TESTS): LINK_LIBS = $(shell $(PKG_CONFIG) --libs cmocka)
$(TESTS): $(B)/tests/%: $(B)/tests/%.o $(TEST_LIB_OBJ) $(SERVER_LIB_OBJ) $(BENCH_LIB_OBJ) $(LIB_OBJ) \
		$(TEST_REGISTRY_OBJ) $(FAULT_OBJ)
	$(link)

-include $(shell find $(B) -name '*.d' 2>/dev/null)

## clean: removes build/
clean:
	rm -rf build
