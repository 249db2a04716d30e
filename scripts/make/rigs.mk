# The rigs: the suite under instruments. Each has a build folder of its own
# below $(BUILD). SHORT=1 makes those that have one take the short form, which
# CI runs.
.PHONY: check check-asan check-ubsan check-tsan check-oom check-valgrind check-layers \
        check-syntax check-newcomer fuzz coverage abi-check abi-update check-shell

check: check-layers check-shell check-asan check-tsan check-oom check-valgrind fuzz abi-check ## all of the rigs below

# Builds the test programs with the flags given and runs them and the corpus of
# the fuzz targets. $(1): name, $(2): flags, $(3): environment, $(4): tests that the
# short form leaves out
define instrumented
+$(Q)$(3) $(MAKE) BUILD=$(BUILD)/$(1) CFLAGS='-O1 -g -fno-omit-frame-pointer' SAN='$(2)' \
  SKIP='$(if $(SHORT),$(4))' WERROR= test-programs
endef
# Minutes under instruments: one is not about the library, the others know no threads.
SLOW_TESTS         := test_demo_shop
SLOW_ON_ONE_THREAD := test_kernels test_model_hostile
# The programs that say something about threads: all others are quiet under ThreadSanitizer
# by nature, which its short form trusts.
ON_ONE_THREAD := $(filter-out $(patsubst tests/%.c,%,$(shell grep -lE 'pthread|threads|recs__run' tests/test_*.c)), \
                   $(patsubst tests/%.c,%,$(wildcard tests/test_*.c)))
# These compare bits of trained factors, and valgrind's fused negated multiply-add
# (vfnmadd) gets the sign of zero wrong.
NOT_UNDER_VALGRIND := test_als test_golden
# valgrind 3.19 gives up on the longest straight runs of the solver's code
# (m_translate.c: tres.status == VexTransOK); the sanitizers have these programs.
NOT_UNDER_VALGRIND += test_ease test_foldin test_half test_recommend test_train test_trainers test_tune
# A child that ends where memory does leaves what its parent frees.
NOT_UNDER_VALGRIND += test_spill
# What only valgrind sees is a branch on memory that was never written: its short form has the
# programs about bytes, parsers and tables, where that could be.
VALGRIND_SHORT := checked columns csr csv dataset description events file filter hash history ids \
                  input item_columns memory metrics model neighbour_rows query rows sort sparse \
                  split text topk tune_space tune_state verify writer

# AddressSanitizer and UndefinedBehaviorSanitizer go together.
# Of the vector kernels addresses alone: what is undefined is looked for in the scalar ones, which
# say the same, and compilers take minutes over the others.
check-asan: ## the suite's programs under AddressSanitizer, leaks included, and UndefinedBehaviorSanitizer
	$(call instrumented,asan,-fsanitize=address$(comma)undefined$(comma)float-cast-overflow -fno-sanitize-recover=all,SAN_KERNELS='-fsanitize=address -fno-sanitize-recover=all' ASAN_OPTIONS=allocator_may_return_null=1:detect_stack_use_after_return=1:strict_string_checks=1 UBSAN_OPTIONS=print_stacktrace=1,$(SLOW_TESTS))
check-ubsan: check-asan

check-tsan: ## ... under ThreadSanitizer
	$(call instrumented,tsan,-fsanitize=thread,$(if $(SHORT),RECS_DATA=/nonexistent) TSAN_OPTIONS=halt_on_error=1:allocator_may_return_null=1,$(SLOW_TESTS) $(SLOW_ON_ONE_THREAD) $(ON_ONE_THREAD))

# Valgrind's processor is slow and has no AVX-512: real data stays out.
check-valgrind: $(TESTS) ## ... under valgrind: memory errors and leaks
	$(Q)command -v valgrind >/dev/null || { echo 'no valgrind: nothing checked'; exit 1; }
	$(Q)RECS_DATA=/nonexistent RECS_BUILD=$(abspath $(BUILD)) TEST_TIMEOUT=1200 \
	  TEST_UNDER='valgrind -q --leak-check=full --errors-for-leak-kinds=definite,possible --error-exitcode=9' \
	  scripts/run-tests $(if $(SHORT),$(filter $(VALGRIND_SHORT:%=$(BUILD)/tests/test_%),$(TESTS)), \
	  $(filter-out $(patsubst %,$(BUILD)/tests/%,$(NOT_UNDER_VALGRIND)),$(TESTS)))

# What another compiler warns about, without making anything of it.
SYNTAX_SRC := $(SRC) $(TRAIN_SRC) $(CLI_SRC) $(SHOP_SRC) $(SUPPORT) $(TEST_SRC) $(FUZZ_SRC) $(BENCH_SRC)
check-syntax: $(SYNTAX_SRC:%.c=$(BUILD)/syntax/%.ok) ## every source through CC's warnings alone
$(BUILD)/syntax/%.ok: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,SYNTAX,$<)
	$(Q)$(CC) $(if $(filter tests/% bench/%,$<),$(TEST_FLAGS),$(ALL_FLAGS)) $(FLAGS_$(notdir $<)) \
	  $(DEPS) -MF $(@:.ok=.d) -MT $@ -fsyntax-only $<
	$(Q)touch $@

# ---- the Nth allocation fails ----------------------------------------------------

$(BUILD)/oom/failing_malloc.so: tests/oom/failing_malloc.c tests/oom/failing_malloc.h $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(STD) $(WARN) $(CFLAGS) -fPIC -shared $< -o $@
$(BUILD)/oom/host: tests/oom/host.c tests/oom/failing_malloc.h $(LIB) $(TRAIN) $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(STD) $(WARN) -Iinclude $(CFLAGS) $< $(LDFLAGS) -L$(BUILD) -lrecs-train -lrecs $(RPATH) -o $@

check-oom: $(BUILD)/oom/failing_malloc.so $(BUILD)/oom/host $(TESTS) ## every allocation fails in turn, malloc's and the host's
	$(Q)scripts/check-oom $(if $(SHORT),--short) $(BUILD)
	$(Q)scripts/run-tests $(patsubst tests/%.c,$(BUILD)/tests/%,$(shell grep -l FAULT_LOOP $(TEST_SRC)))

# ---- fuzzing: tests/fuzz/README.md -------------------------------------------------

FUZZ_SECONDS ?= $(if $(SHORT),10,120)
FUZZ_CC      ?= clang
FUZZ_FLAGS   := -O1 -g -fno-omit-frame-pointer
FUZZERS      := $(patsubst tests/fuzz/fuzz_%.c,%,$(FUZZ_SRC))

# The vector kernels go without instruments here: they see no bytes of an input, clang takes
# many minutes over their widest file otherwise, and check-asan has them anyway.
fuzz: ## FUZZ_SECONDS of libFuzzer for each target, from its corpus
	$(Q)command -v $(FUZZ_CC) >/dev/null || { echo 'no $(FUZZ_CC): nothing fuzzed'; exit 1; }
	+$(Q)$(MAKE) BUILD=$(BUILD)/fuzz CC=$(FUZZ_CC) CFLAGS='$(FUZZ_FLAGS)' WERROR= \
	  SAN='-fsanitize=fuzzer-no-link,address,undefined,float-cast-overflow -fno-sanitize-recover=all' \
	  SAN_KERNELS= fuzzers
	$(Q)scripts/fuzz $(BUILD)/fuzz $(FUZZ_SECONDS) $(FUZZERS)

.PHONY: fuzzers
fuzzers: $(FUZZERS:%=$(BUILD)/fuzzer/%)
$(BUILD)/fuzzer/%: $(BUILD)/test/tests/fuzz/fuzz_%.o $(BUILD)/test/tests/fuzz/fuzz.o $(UNDER_TEST)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $^ $(CFLAGS) $(subst fuzzer-no-link,fuzzer,$(SAN)) $(LDFLAGS) $(TRAIN_LIBS) -o $@

# ---- what the suite reaches ----------------------------------------------------------

coverage: ## lines and branches the suite reaches: text, and html below build/coverage
	+$(Q)$(MAKE) BUILD=$(BUILD)/coverage CFLAGS='-O0 -g' SAN='--coverage' WERROR= programs
	$(Q)find $(BUILD)/coverage -name '*.gcda' -delete
	+$(Q)$(MAKE) BUILD=$(BUILD)/coverage CFLAGS='-O0 -g' SAN='--coverage' WERROR= test-programs
	$(Q)scripts/coverage $(BUILD)/coverage

# ---- ABI ---------------------------------------------------------------------------------

abi-check: all ## compare the libraries with tests/abi
	$(Q)CC='$(CC)' scripts/abi check $(BUILD)
abi-update: all ## record the libraries' ABI in tests/abi
	$(Q)CC='$(CC)' scripts/abi update $(BUILD)

# ---- the tree ------------------------------------------------------------------------------

check-layers: ## the order of the rooms
	$(Q)scripts/check-layers
check-shell: ## shellcheck over all scripts
	$(Q)scripts/check-shell
check-newcomer: ## quickstart (SHORT=1) and the suite on a bare Debian 12
	$(Q)scripts/check-newcomer $(if $(SHORT),--short)
