# librecs: GNU make. `make` builds into build/; `make help` lists the targets.
.DEFAULT_GOAL := all
.SUFFIXES:

CC      ?= cc
AR      ?= ar
CFLAGS  ?= -O2 -g
PREFIX  ?= /usr/local
BUILD   ?= build
WERROR  ?=

# Whatever CFLAGS says, these hold: the language, and arithmetic that never
# contracts a*b+c on its own, so that answers do not depend on the compiler.
STD      := -std=c11 -D_GNU_SOURCE -ffp-contract=off -fno-math-errno -fvisibility=hidden
WARN     := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
            -Wcast-qual -Wwrite-strings -Wvla -Wundef $(if $(WERROR),-Werror)
INCLUDES := -Iinclude -Isrc
DEPS      = -MMD -MP
ALL_FLAGS = $(STD) $(WARN) $(INCLUDES) $(CFLAGS) $(CPPFLAGS)

VERSION := $(shell awk '/define RECS_VERSION_(MAJOR|MINOR|PATCH)/ {printf "%s%s", s, $$3; s="."}' include/recs/base.h)

# ---- sources ----------------------------------------------------------------

SRC       := $(sort $(wildcard src/*/*.c))
TRAIN_SRC := $(sort $(wildcard lib/train/*.c))
CLI_SRC   := $(sort $(wildcard examples/cli/*.c))
SHOP_SRC  := $(sort $(wildcard examples/demo_shop/*.c))
TEST_SRC  := $(sort $(wildcard tests/test_*.c))
SUPPORT   := $(sort $(wildcard tests/support/*.c))
BENCH_SRC := $(sort $(wildcard bench/*.c))
COURSE    := $(sort $(wildcard examples/*.c))

# A kernel file is compiled for its own instruction set and nothing else is.
TARGET := $(shell $(CC) -dumpmachine)
ifneq ($(filter x86_64%,$(TARGET)),)
SRC := $(filter-out src/kernels/neon.c,$(SRC))
FLAGS_avx2.c   := -mavx2 -mfma -mf16c
FLAGS_avx512.c := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mprefer-vector-width=512
else ifneq ($(filter aarch64%,$(TARGET)),)
SRC := $(filter-out src/kernels/avx2.c src/kernels/avx512.c,$(SRC))
else
SRC := $(filter-out src/kernels/avx2.c src/kernels/avx512.c src/kernels/neon.c,$(SRC))
endif

# lib/train uses these rooms' objects privately; all else goes through include/.
PRIVATE := $(filter-out src/base/version.c src/base/pool.c src/data/events.c,$(filter src/base/% src/kernels/% src/data/%,$(SRC)))

obj = $(patsubst %.c,$(BUILD)/$(1)/%.o,$(2))

LIB_OBJ     := $(call obj,obj,$(SRC))
TRAIN_OBJ   := $(call obj,obj,$(TRAIN_SRC))
PRIVATE_OBJ := $(call obj,obj,$(PRIVATE))

LIB_LIBS   := -lzstd -lm -lpthread
TRAIN_LIBS := -lopenblas -lz -lzstd -lm -lpthread
# The serial OpenBLAS where the system has it apart from the threaded one.
BLAS_DIR := $(firstword $(wildcard /usr/lib/*/openblas-serial))
TRAIN_LIBS := $(if $(BLAS_DIR),-L$(BLAS_DIR)) $(TRAIN_LIBS)

# ---- what is built ------------------------------------------------------------

LIB      := $(BUILD)/librecs.so.0
TRAIN    := $(BUILD)/librecs-train.so.0
LIB_A    := $(BUILD)/librecs.a
TRAIN_A  := $(BUILD)/librecs-train.a
CLI      := $(if $(CLI_SRC),$(BUILD)/recs)
SHOP     := $(if $(SHOP_SRC),$(BUILD)/demo_shop)
TESTS    := $(patsubst tests/%.c,$(BUILD)/tests/%,$(TEST_SRC))
BENCHES  := $(patsubst bench/%.c,$(BUILD)/bench/%,$(BENCH_SRC))
EXAMPLES := $(patsubst examples/%.c,$(BUILD)/examples/%,$(COURSE))

.PHONY: all test bench clean install uninstall help
all: $(LIB) $(if $(TRAIN_SRC),$(TRAIN) $(TRAIN_A)) $(LIB_A) $(CLI) $(SHOP) $(EXAMPLES) ## everything, out in build/

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_FLAGS) $(FLAGS_$(notdir $<)) -fPIC $(DEPS) -c $< -o $@

$(LIB): $(LIB_OBJ) src/api.map
	$(CC) -shared -Wl,-soname,librecs.so.0 -Wl,--version-script=src/api.map -Wl,-z,defs \
	  $(LIB_OBJ) $(CFLAGS) $(LDFLAGS) $(LIB_LIBS) -o $@
	ln -sf librecs.so.0 $(BUILD)/librecs.so

$(TRAIN): $(TRAIN_OBJ) $(PRIVATE_OBJ) lib/train/api.map $(LIB)
	$(CC) -shared -Wl,-soname,librecs-train.so.0 -Wl,--version-script=lib/train/api.map \
	  -Wl,-z,defs $(TRAIN_OBJ) $(PRIVATE_OBJ) $(CFLAGS) $(LDFLAGS) -L$(BUILD) -lrecs $(TRAIN_LIBS) -o $@
	ln -sf librecs-train.so.0 $(BUILD)/librecs-train.so

$(LIB_A): $(LIB_OBJ)
	rm -f $@ && $(AR) rcs $@ $^
$(TRAIN_A): $(TRAIN_OBJ)
	rm -f $@ && $(AR) rcs $@ $^

RPATH := -Wl,-rpath,'$$ORIGIN' -Wl,-rpath,'$$ORIGIN/..'

$(BUILD)/recs: $(call obj,obj,$(CLI_SRC)) $(TRAIN)
	$(CC) $(filter %.o,$^) $(CFLAGS) $(LDFLAGS) -L$(BUILD) -lrecs-train -lrecs -ljansson -lm $(RPATH) -o $@
$(BUILD)/demo_shop: $(call obj,obj,$(SHOP_SRC))
	$(CC) $^ $(CFLAGS) $(LDFLAGS) -lm -o $@
$(BUILD)/examples/%: examples/%.c $(LIB) $(TRAIN)
	@mkdir -p $(@D)
	$(CC) -std=c11 $(WARN) -Iinclude $(CFLAGS) $< $(LDFLAGS) -L$(BUILD) -lrecs-train -lrecs $(RPATH) -o $@

# ---- tests: the same sources with RECS_TEST, linked statically ------------------

TEST_OBJ := $(call obj,test,$(SRC) $(TRAIN_SRC) $(SUPPORT))
$(BUILD)/test/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_FLAGS) -Itests -Ilib -DRECS_TEST $(FLAGS_$(notdir $<)) $(SAN) $(DEPS) -c $< -o $@
$(BUILD)/tests/%: $(BUILD)/test/tests/%.o $(TEST_OBJ)
	@mkdir -p $(@D)
	$(CC) $^ $(SAN) $(LDFLAGS) -lcmocka $(TRAIN_LIBS) -o $@
.PRECIOUS: $(BUILD)/test/%.o

test: all $(TESTS) ## build and run the whole suite
	@scripts/run-tests $(TESTS)

$(BUILD)/bench/%: bench/%.c $(TEST_OBJ)
	@mkdir -p $(@D)
	$(CC) $(ALL_FLAGS) -Itests -Ilib -DRECS_TEST $< $(filter-out $(BUILD)/test/tests/%,$(TEST_OBJ)) $(LDFLAGS) $(TRAIN_LIBS) -o $@
bench: all $(BENCHES) ## build the benchmarks; bench/README.md says how to run them

clean: ## remove build/
	rm -rf $(BUILD)

help: ## this list
	@awk -F':.*## ' '/^[a-z][a-z-]*:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
