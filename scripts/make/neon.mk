# The NEON table without an ARM machine: cross-compiled, run under qemu-user,
# compared with the scalar table there and with the checksums of this build.
NEON_CC  ?= aarch64-linux-gnu-gcc
NEON_RUN ?= qemu-aarch64
NEON_SRC := src/kernels/kernels.c src/kernels/scalar.c src/kernels/neon.c src/base/random.c \
            tests/support/kernel_cases.c tests/kernels_checksum.c

$(BUILD)/neon/kernels_checksum: $(NEON_SRC) $(wildcard src/kernels/*.h)
	@mkdir -p $(@D)
	$(NEON_CC) $(STD) $(WARN) $(INCLUDES) -Itests -O2 -g -DRECS_TEST -static $(NEON_SRC) -lm -o $@
$(BUILD)/neon/kernels_checksum_here: $(call obj,test, \
    $(filter src/kernels/kernels.c src/kernels/scalar.c src/kernels/avx%.c src/kernels/vnni.c src/kernels/neon.c,$(SRC)) \
    src/base/random.c tests/support/kernel_cases.c tests/kernels_checksum.c)
	@mkdir -p $(@D)
	$(CC) $^ $(SAN) $(LDFLAGS) -lm -o $@

.PHONY: check-neon
check-neon: $(BUILD)/neon/kernels_checksum $(BUILD)/neon/kernels_checksum_here ## NEON kernels under qemu, same bits as here
	$(BUILD)/neon/kernels_checksum_here > $(BUILD)/neon/here.txt
	$(NEON_RUN) $(BUILD)/neon/kernels_checksum > $(BUILD)/neon/neon.txt
	cmp $(BUILD)/neon/here.txt $(BUILD)/neon/neon.txt && cat $(BUILD)/neon/neon.txt
