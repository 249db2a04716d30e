# librecs: GNU make. `make` builds into build/; `make help` lists the targets.
.DEFAULT_GOAL := all
.SUFFIXES:
.DELETE_ON_ERROR:

ifeq ($(origin CC),default)
CC      := cc
endif
AR      ?= ar
CFLAGS  ?= -O2 -g
PREFIX  ?= /usr/local
LIBDIR  ?= $(PREFIX)/lib
DESTDIR ?=
BUILD   ?= build
WERROR  ?=
# Sanitizers and the like, and tests to leave out (scripts/make/rigs.mk).
SAN     ?=
SAN_KERNELS ?= $(SAN)
SKIP    ?=

# Whatever CFLAGS says, these hold: the language, and arithmetic that never
# contracts a*b+c on its own, so that answers do not depend on the compiler.
STD      := -std=c11 -D_GNU_SOURCE -ffp-contract=off -fno-math-errno -fvisibility=hidden
WARN     := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
            -Wcast-qual -Wwrite-strings -Wvla -Wundef $(if $(WERROR),-Werror)
INCLUDES := -Iinclude -Isrc -Ilib
DEPS      = -MMD -MP
ALL_FLAGS = $(STD) $(WARN) $(INCLUDES) $(CFLAGS) $(CPPFLAGS)
TEST_FLAGS = $(ALL_FLAGS) -Itests -DRECS_TEST

VERSION := $(shell awk '/define RECS_VERSION_(MAJOR|MINOR|PATCH)/ {printf "%s%s", s, $$3; s="."}' include/recs/base.h)

comma := ,

# One short line a step; V=1 shows the commands, -s nothing.
Q   := $(if $(V),,@)
say  = $(if $(V)$(findstring s,$(firstword -$(MAKEFLAGS))),,@printf '  %-8s%s\n' $(1) '$(2)')

# ---- sources ----------------------------------------------------------------

SRC       := $(sort $(wildcard src/*/*.c))
TRAIN_SRC := $(sort $(wildcard lib/train/*.c))
FAISS_SRC := $(sort $(wildcard lib/faiss/*.c))
CLI_SRC   := $(sort $(wildcard examples/cli/*.c))
SHOP_SRC  := $(sort $(wildcard examples/demo_shop/*.c))
ITEMS_SRC := $(sort $(wildcard examples/similar_items/*.c))
TEST_SRC  := $(sort $(filter-out $(SKIP:%=tests/%.c),$(wildcard tests/test_*.c)))
SUPPORT   := $(sort $(wildcard tests/support/*.c))
FUZZ_SRC  := $(sort $(wildcard tests/fuzz/fuzz_*.c))
BENCH_SRC := $(sort $(wildcard bench/*.c))
COURSE    := $(sort $(wildcard examples/*.c))

# Loops along rows whose every entry is on its own.
FLAGS_eigen.c  := -O3
FLAGS_foldin.c := -O3
FLAGS_als_solve.c := -O3

# FAISS is loaded when librecs-faiss runs, so nothing of it is needed here: from where
# scripts/build-faiss puts it (recs-faiss/ beside the library), or from an installation
# of its own, named when librecs-faiss is built.
FAISS_PREFIX ?=
FLAGS_faiss_library.c := $(if $(FAISS_PREFIX),-DRECS_FAISS_PREFIX='"$(FAISS_PREFIX)"')

# A kernel file is compiled for its own instruction set and nothing else is.
TARGET := $(shell $(CC) -dumpmachine)
ifneq ($(filter x86_64%,$(TARGET)),)
SRC := $(filter-out src/kernels/neon.c,$(SRC))
FLAGS_avx2.c   := -mavx2 -mfma -mf16c -fno-tree-slp-vectorize
FLAGS_avx512.c := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mprefer-vector-width=512
FLAGS_vnni.c   := $(FLAGS_avx512.c) -mavx512vnni
else ifneq ($(filter aarch64%,$(TARGET)),)
SRC := $(filter-out src/kernels/avx2.c src/kernels/avx512.c src/kernels/vnni.c,$(SRC))
else
SRC := $(filter-out src/kernels/avx2.c src/kernels/avx512.c src/kernels/vnni.c src/kernels/neon.c,$(SRC))
endif

# lib/train uses these rooms' objects privately; all else goes through include/.
PRIVATE := $(filter-out src/base/version.c src/base/pool.c src/data/events.c,$(filter src/base/% src/kernels/% src/data/%,$(SRC)))

obj = $(patsubst %.c,$(BUILD)/$(1)/%.o,$(2))

LIB_OBJ     := $(call obj,obj,$(SRC))
TRAIN_OBJ   := $(call obj,obj,$(TRAIN_SRC))
PRIVATE_OBJ := $(call obj,obj,$(PRIVATE))
FAISS_OBJ   := $(call obj,obj,$(FAISS_SRC))

LIB_LIBS   := -lzstd -lm -lpthread
# The serial OpenBLAS where the system has it apart from the threaded one.
BLAS_DIR   := $(firstword $(wildcard /usr/lib/$(TARGET)/openblas-serial /usr/lib/*/openblas-serial))
BLAS_LINK  := $(if $(BLAS_DIR),-L$(BLAS_DIR)) -lopenblas
TRAIN_LIBS := $(BLAS_LINK) -lz -lzstd -lm -lpthread
# It has no lock around its buffers: lib/train/linalg.c puts one there, which
# takes the static library and what that needs of Fortran. Without them the
# shared one is used, by one thread at a time.
BLAS_A     := $(wildcard $(BLAS_DIR)/libopenblas.a)
FORTRAN    := $(filter /%,$(shell $(CC) -print-file-name=libgfortran.so.5) $(wildcard /usr/lib/$(TARGET)/libgfortran.so.5))
ifneq ($(and $(BLAS_DIR),$(BLAS_A),$(FORTRAN)),)
BLAS_LOCKED := -Wl,--wrap=blas_memory_alloc -Wl,--wrap=blas_memory_free $(BLAS_A) $(firstword $(FORTRAN))
LOCKED_LIBS := $(BLAS_LOCKED) -lz -lzstd -lm -lpthread
else
LOCKED_LIBS := $(TRAIN_LIBS)
endif

# ---- what is built ------------------------------------------------------------

LIB      := $(BUILD)/librecs.so.0
LIB_A    := $(BUILD)/librecs.a
TRAIN    := $(if $(TRAIN_SRC),$(BUILD)/librecs-train.so.0)
TRAIN_A  := $(if $(TRAIN_SRC),$(BUILD)/librecs-train.a)
FAISS    := $(BUILD)/librecs-faiss.so.0
FAISS_A  := $(BUILD)/librecs-faiss.a
CLI      := $(if $(CLI_SRC),$(BUILD)/recs)
SHOP     := $(if $(SHOP_SRC),$(BUILD)/demo_shop)
ITEMS    := $(BUILD)/similar_items
TESTS    := $(patsubst tests/%.c,$(BUILD)/tests/%,$(TEST_SRC))
REPLAYS  := $(patsubst tests/fuzz/fuzz_%.c,$(BUILD)/fuzz-replay/%,$(FUZZ_SRC))
BENCHES  := $(patsubst bench/%.c,$(BUILD)/bench/%,$(BENCH_SRC))
EXAMPLES := $(patsubst examples/%.c,$(BUILD)/examples/%,$(COURSE))

.PHONY: all test programs test-programs bench clean help FORCE
all: $(LIB) $(LIB_A) $(TRAIN) $(TRAIN_A) $(FAISS) $(FAISS_A) $(CLI) $(SHOP) $(ITEMS) $(EXAMPLES) ## everything, out in build/

# Changes when the compiler or its flags do, and with it all that was compiled.
FLAGS_NOW := $(subst ','\'',$(CC) $(filter-out -Werror,$(ALL_FLAGS)) | $(SAN) | $(LDFLAGS))
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(FLAGS_NOW)' | cmp -s - $@ || printf '%s\n' '$(FLAGS_NOW)' > $@

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_FLAGS) $(FLAGS_$(notdir $<)) $(SAN) -fPIC $(DEPS) -c $< -o $@

# A sanitizer's own symbols come with the program.
NO_UNDEFINED := $(if $(SAN),,-Wl$(comma)-z$(comma)defs)

# The companion that it loads by name is looked for beside it first.
$(BUILD)/librecs.so.0: $(LIB_OBJ) src/api.map
	$(call say,LINK,$@)
	$(Q)$(CC) -shared -Wl,-soname,librecs.so.0 -Wl,--version-script=src/api.map $(NO_UNDEFINED) -Wl,-rpath,'$$ORIGIN' \
	  $(LIB_OBJ) $(CFLAGS) $(SAN) $(LDFLAGS) $(LIB_LIBS) -o $@
	$(Q)ln -sf librecs.so.0 $(BUILD)/librecs.so

$(BUILD)/librecs-train.so.0: $(TRAIN_OBJ) $(PRIVATE_OBJ) lib/train/api.map $(LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) -shared -Wl,-soname,librecs-train.so.0 -Wl,--version-script=lib/train/api.map -Wl,-rpath,'$$ORIGIN' \
	  $(NO_UNDEFINED) $(TRAIN_OBJ) $(PRIVATE_OBJ) $(CFLAGS) $(SAN) $(LDFLAGS) -L$(BUILD) -lrecs $(LOCKED_LIBS) -o $@
	$(Q)ln -sf librecs-train.so.0 $(BUILD)/librecs-train.so

$(FAISS): $(FAISS_OBJ) lib/faiss/api.map
	$(call say,LINK,$@)
	$(Q)$(CC) -shared -Wl,-soname,librecs-faiss.so.0 -Wl,--version-script=lib/faiss/api.map \
	  $(NO_UNDEFINED) $(FAISS_OBJ) $(CFLAGS) $(SAN) $(LDFLAGS) -lm -lpthread -o $@
	$(Q)ln -sf librecs-faiss.so.0 $(BUILD)/librecs-faiss.so
$(FAISS_A): $(FAISS_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# The private objects of librecs-train are those of librecs.a, which it needs anyway.
$(BUILD)/librecs.a: $(LIB_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^
$(BUILD)/librecs-train.a: $(TRAIN_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# Programs find the libraries beside them, one folder up, or in ../lib once installed.
RPATH := -Wl,-rpath,'$$ORIGIN' -Wl,-rpath,'$$ORIGIN/..' -Wl,-rpath,'$$ORIGIN/../lib'

$(BUILD)/recs: $(call obj,obj,$(CLI_SRC)) $(LIB) $(TRAIN)
	$(call say,LINK,$@)
	$(Q)$(CC) $(filter %.o,$^) $(CFLAGS) $(SAN) $(LDFLAGS) -L$(BUILD) -lrecs-train -lrecs -ljansson -lm -lpthread $(RPATH) -o $@
$(BUILD)/demo_shop: $(call obj,obj,$(SHOP_SRC))
	$(call say,LINK,$@)
	$(Q)$(CC) $^ $(CFLAGS) $(SAN) $(LDFLAGS) -lm -o $@
$(ITEMS): $(call obj,obj,$(ITEMS_SRC)) $(LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(filter %.o,$^) $(CFLAGS) $(SAN) $(LDFLAGS) -L$(BUILD) -lrecs -lz -lm $(RPATH) -o $@
$(BUILD)/examples/%: examples/%.c $(LIB) $(TRAIN) $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) -std=c11 $(WARN) -Iinclude $(CFLAGS) $(SAN) $< $(LDFLAGS) -L$(BUILD) $(if $(TRAIN),-lrecs-train) -lrecs $(RPATH) -o $@

# ---- tests: the same sources with RECS_TEST, linked statically ------------------

# Everything under test, and the tests' own helpers, as one archive.
UNDER_TEST := $(BUILD)/test/under-test.a
$(UNDER_TEST): $(call obj,test,$(SRC) $(TRAIN_SRC) $(FAISS_SRC) $(SUPPORT))
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^
$(BUILD)/test/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(TEST_FLAGS) $(FLAGS_$(notdir $<)) $(if $(filter src/kernels/avx% src/kernels/vnni%,$<),$(SAN_KERNELS),$(SAN)) $(DEPS) -c $< -o $@
$(BUILD)/tests/%: $(BUILD)/test/tests/%.o $(UNDER_TEST)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $^ $(CFLAGS) $(SAN) $(LDFLAGS) -lcmocka $(TRAIN_LIBS) -o $@
# A fuzz target with a plain main that runs it once over each file it is given.
$(BUILD)/fuzz-replay/%: $(BUILD)/test/tests/fuzz/fuzz_%.o $(BUILD)/test/tests/fuzz/replay.o $(BUILD)/test/tests/fuzz/fuzz.o $(UNDER_TEST)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $^ $(CFLAGS) $(SAN) $(LDFLAGS) $(TRAIN_LIBS) -o $@
.PRECIOUS: $(BUILD)/test/%.o

programs: $(TESTS) $(REPLAYS) $(SHOP) $(CLI)

# Beside the programs: scripts, among them callers from other languages. Each
# finds the build in RECS_BUILD and exits with 77 when it cannot run here.
SCRIPTS := $(sort $(wildcard tests/test_*.sh tests/test_*.py tests/go/run))

test: all programs $(TEST_NEEDS) ## build and run the whole suite
	@RECS_BUILD=$(abspath $(BUILD)) CC='$(CC)' scripts/run-tests $(TESTS) $(SCRIPTS)

test-programs: programs ## the cmocka programs and the fuzz corpus alone
	@RECS_BUILD=$(abspath $(BUILD)) scripts/run-tests $(TESTS) tests/test_corpus.sh

$(BUILD)/bench/%: bench/%.c $(UNDER_TEST)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(TEST_FLAGS) $< $(UNDER_TEST) $(SAN) $(LDFLAGS) $(LOCKED_LIBS) -o $@
bench: all $(BENCHES) ## build the benchmarks; bench/README.md says how to run them

clean: ## remove build/
	rm -rf $(BUILD)

help: ## this list
	@awk -F':.*## ' '/^[a-z][a-z-]*:.*## / {printf "  make %-16s %s\n", $$1, $$2}' Makefile scripts/make/*.mk

include $(sort $(wildcard scripts/make/*.mk))
-include $(shell find $(BUILD)/obj $(BUILD)/test -name '*.d' 2>/dev/null)
