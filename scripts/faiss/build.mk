# FAISS and its C API as one shared library, from its source: called by
# scripts/build-faiss with
#   SOURCE   FAISS's folder      OUT      where objects and the library go
#   VARIANT  baseline or avx2    VERSION  FAISS's        LEVEL  -O3
# Not with FAISS's own cmake files, which insist on OpenMP and a shared BLAS.
# Which files belong to it is read from them.
.SUFFIXES:
.DELETE_ON_ERROR:

HERE   := $(dir $(lastword $(MAKEFILE_LIST)))
CXX    ?= c++
CC     ?= cc
LIB    := $(OUT)/librecs-faiss-$(VARIANT).so
OBJ    := $(OUT)/obj-$(VARIANT)

listed  = $(shell awk '/^ *set\($(1)/ {f=1; next} f && /^ *\)/ {exit} f' $(2))
FAISS  := $(addprefix faiss/,$(filter %.cpp,$(call listed,FAISS_SRC,$(SOURCE)/faiss/CMakeLists.txt))) faiss/invlists/OnDiskInvertedLists.cpp
C_API  := $(addprefix c_api/,$(filter %.cpp,$(call listed,FAISS_C_SRC,$(SOURCE)/c_api/CMakeLists.txt)))

FLAGS_avx2 := -mavx2 -mfma -mf16c -mpopcnt
# Hidden, so that nothing in it can be mistaken for another FAISS or another
# libstdc++ in the process; no GNU unique symbols, which would pin the library
# and be merged with those of others.
FLAGS  := -std=c++17 $(LEVEL) -DNDEBUG -DFINTEGER=int -fPIC -fvisibility-inlines-hidden -fno-gnu-unique \
          -ffunction-sections -fdata-sections -fopenmp-simd -w \
          -I$(HERE) -I$(SOURCE) -I$(SOURCE)/c_api $(FLAGS_$(VARIANT))

TARGET := $(shell $(CC) -dumpmachine)
BLAS   := $(firstword $(wildcard /usr/lib/$(TARGET)/openblas-serial/libopenblas.a /usr/lib/*/openblas-serial/libopenblas.a))
FORTRAN := $(filter /%,$(shell $(CC) -print-file-name=libgfortran.so.5) $(wildcard /usr/lib/$(TARGET)/libgfortran.so.5))
ifeq ($(and $(BLAS),$(FORTRAN)),)
$(error build-faiss needs the static serial OpenBLAS and libgfortran (libopenblas-serial-dev, libgfortran5))
endif

# To be quick, not to be run for long: the C API's files as one.
C_OBJ  := $(if $(filter -O3,$(LEVEL)),$(C_API:%=$(OBJ)/%.o),$(OBJ)/c_api.o)

all: $(LIB)
$(LIB): $(FAISS:%=$(OBJ)/%.o) $(C_OBJ) $(OBJ)/blas_lock.o $(OBJ)/version.o $(HERE)exports.map
	@echo "  LINK    $@"
	@$(CXX) -shared -Wl,-soname,$(notdir $@) -Wl,--version-script=$(HERE)exports.map -Wl,-z,defs -Wl,--gc-sections \
	  -Wl,--wrap=blas_memory_alloc -Wl,--wrap=blas_memory_free \
	  $(filter %.o,$^) $(BLAS) $(firstword $(FORTRAN)) -lm -lpthread -o $@.part
	@strip --strip-unneeded $@.part && mv $@.part $@
$(OBJ)/faiss/%.o: $(SOURCE)/faiss/%
	@mkdir -p $(@D)
	@echo "  CXX     $* ($(VARIANT))"
	@$(CXX) $(FLAGS) -fvisibility=hidden -c $< -o $@
$(OBJ)/c_api/%.o: $(SOURCE)/c_api/%
	@mkdir -p $(@D)
	@echo "  CXX     c_api/$* ($(VARIANT))"
	@$(CXX) $(FLAGS) -c $< -o $@
$(OBJ)/c_api.o: $(C_API:%=$(SOURCE)/%)
	@mkdir -p $(@D)
	@echo "  CXX     c_api ($(VARIANT))"
	@printf '#include "%s"\n' $(abspath $^) > $(@:.o=.cpp)
	@$(CXX) $(FLAGS) -c $(@:.o=.cpp) -o $@
$(OBJ)/blas_lock.o: $(HERE)blas_lock.c
	@mkdir -p $(@D)
	@$(CC) -O2 -fPIC -fvisibility=hidden -c $< -o $@
# Versions before 1.8 do not tell which they are.
$(OBJ)/version.o: FORCE
	@mkdir -p $(@D)
	@echo 'const char *const faiss_recs_version = "$(VERSION)";' > $(OBJ)/version.c
	@$(CC) -O2 -fPIC -c $(OBJ)/version.c -o $@
FORCE:
.PHONY: all FORCE check
# Our copy of its prototypes against its headers.
check:
	@$(CC) -std=gnu11 -fsyntax-only -Wall -Werror -I$(SOURCE)/c_api -I$(HERE)../../lib $(HERE)prototypes.c
