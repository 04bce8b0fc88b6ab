# clearcut: all build logic. Source files are found by wildcard; none is listed by hand.
#
#   make            bin/clearcut and the library        make demo      the whole job on drawn pictures
#   make test       build and run the tests             make help      all targets
#
# MINIMAL=1  stb_image in place of libjpeg-turbo, libspng and zlib
# CUDA=1     kernels for GPUs in place of the emulated device; needs nvcc 13 (docs/cuda.md)
# DEBUG=1    -O0 -g, for a debugger
# SAN=       address,undefined or thread: g++'s sanitizers (thread builds without OpenMP)
# DEPS=none  do not look for packages

VERSION := 0.1.0
MINIMAL ?= 0
CUDA ?= 0
DEBUG ?= 0
SAN ?=
DEPS ?= auto
JOBS ?= $(shell nproc)
PREFIX ?= /usr/local
FILTER ?= *

FLAVOUR := $(if $(filter 1,$(MINIMAL)),minimal,full)
# Programs for GPUs stand in a folder of their own; all objects but those of cuda/ are shared.
GPU := $(if $(filter 1,$(CUDA)),gpu/)
comma := ,
CONFIG := $(if $(filter 1,$(DEBUG)),debug,release)$(if $(SAN),-$(subst $(comma),-,$(SAN)))
CXX ?= g++
# What the compiler makes programs for; another architecture than this machine's gets a folder of its own.
ARCH := $(firstword $(subst -, ,$(shell $(CXX) -dumpmachine)))
# Objects of both flavours lie side by side: only files in folders named full/ or minimal/ differ.
BUILD := build/$(CONFIG)$(addprefix -,$(filter-out $(shell uname -m),$(ARCH)))

WARNINGS := -Wall -Wextra -Wshadow -Wconversion $(if $(CI),-Werror)
OPTIMISE := $(if $(filter 1,$(DEBUG)),-O0 -g,$(if $(SAN),-O1 -g,-O2))
SANITIZE := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
# The thread sanitizer does not know OpenMP's runtime: loops run on one thread there.
OPENMP := $(if $(filter thread,$(SAN)),-Wno-unknown-pragmas,-fopenmp)
# Reference code keeps the rounding that its formulas say: no contraction, no -march, no fast-math.
CXXFLAGS := -std=c++20 $(OPTIMISE) -ffp-contract=off $(OPENMP) $(SANITIZE) $(WARNINGS) -I.
LIBS_full := -lyaml-cpp -lexpat -ljpeg -lspng -lz $(if $(filter thread,$(SAN)),-lgomp)
LIBS_minimal := -lyaml-cpp -lexpat $(if $(filter thread,$(SAN)),-lgomp)
LIBS := $(LIBS_$(FLAVOUR))

# tensor/cpu/isa is compiled once per instruction set; the best one is chosen at run time.
# tensor/cpu/arch says which of them a processor runs.
ARCH_FILE := $(firstword $(wildcard tensor/cpu/arch/$(ARCH).cpp) tensor/cpu/arch/generic.cpp)
ISAS := baseline $(if $(filter x86_64,$(ARCH)),avx2 avx512)
ISA_FLAGS_baseline :=
ISA_FLAGS_avx2 := -mavx2 -mfma
ISA_FLAGS_avx512 := -mavx512f -mavx512dq -mavx512bw -mavx512vl -mfma -mprefer-vector-width=512
ISA_CXXFLAGS := -O3 -ffp-contract=fast -fno-math-errno -fno-trapping-math

ROOMS := tensor cuda autograd nn models explain data train recipes
SOURCES := $(shell find $(wildcard $(ROOMS)) \( -name '*.cpp' -o -name '*.cu' \) -not -path 'tensor/cpu/isa/*' \
                                             -not -path 'tensor/cpu/arch/*' -not -path 'cuda/ptxsim/*') $(ARCH_FILE)
HEADERS := $(filter-out cuda/ptxsim/cudart/%,$(shell find $(wildcard $(ROOMS) apps tests) -name '*.h' -o -name '*.cuh'))
CODE := $(shell find $(wildcard $(ROOMS) apps tests examples tools) -name '*.h' -o -name '*.cpp' -o -name '*.cu' -o -name '*.cuh')
ISA_OBJECTS := $(foreach isa,$(ISAS),$(patsubst tensor/cpu/isa/%.cpp,$(BUILD)/isa/$(isa)/%.o,\
                                       $(wildcard tensor/cpu/isa/*.cpp)))
COMMON := $(foreach file,$(SOURCES),$(if $(findstring /full/,$(file))$(findstring /minimal/,$(file)),,$(file)))
objects_of = $(patsubst %.cu,$(BUILD)/%.cu.o,$(patsubst %.cpp,$(BUILD)/%.o,$(1)))
OBJECTS_full := $(call objects_of,$(COMMON) $(foreach f,$(SOURCES),$(if $(findstring /full/,$(f)),$(f)))) $(ISA_OBJECTS)
OBJECTS_minimal := $(call objects_of,$(COMMON) $(foreach f,$(SOURCES),$(if $(findstring /minimal/,$(f)),$(f)))) $(ISA_OBJECTS)
CASE_OBJECTS := $(call objects_of,$(wildcard tests/cases/*.cpp))
APP_OBJECTS := $(call objects_of,$(wildcard apps/*.cpp)) $(CASE_OBJECTS)
UNIT_TESTS := $(BUILD)/$(FLAVOUR)/unit_tests
PROGRAMS := $(if $(wildcard apps/*.cpp),$(BUILD)/full/clearcut $(BUILD)/minimal/clearcut) $(BUILD)/minimal/unit_tests
# The PTX interpreter is no part of the library: programs that nvcc built, and its own tests, link it.
PTXSIM := $(call objects_of,$(wildcard cuda/ptxsim/*.cpp))
TEST_OBJECTS := $(call objects_of,$(shell find tests -name '*.cpp' -not -path 'tests/ptx/built/*' -not -path 'tests/gpu/*' -not -path 'tests/fuzz/*')) $(PTXSIM)
EXAMPLES := $(patsubst %.cpp,$(BUILD)/%,$(wildcard examples/*.cpp))
# A header that a .cpp of the same name includes first is compiled alone there; the others are checked here.
ALONE := $(foreach h,$(HEADERS),$(if $(wildcard $(patsubst %.h,%.cpp,$(h:.cuh=.cu))),,$(BUILD)/alone/$(h).ok))

MAKEFLAGS += --no-builtin-rules
# Idle OpenMP threads sleep instead of spinning: on a busy machine spinning makes tests 50 times slower.
export OMP_WAIT_POLICY ?= passive
# Inner makes run with all cores unless the user chose a number.
PARALLEL = $(if $(findstring -j,$(MAKEFLAGS)),,-j$(JOBS))
INNER = +@$(MAKE) --no-print-directory $(PARALLEL)

.PHONY: all lib install test test-all unit check demo demo-real study lint format format-check headers-alone
.PHONY: deps deps-build deps-all soak bench-peers core-tests cuda-check gpu-check gpu-tests ptxas-check fuzz ptx test-ptx counters check-variant mutate clean help FORCE
.DELETE_ON_ERROR:
.SECONDARY:
# Commands are shown as one word and the file; V=1 shows them whole.
V ?= 0
say = $(if $(filter 1,$(V)),,@echo "$(1)" &&) 

all: deps-build  ## bin/clearcut (installs what the build needs)
	$(INNER) bin/clearcut

lib: deps-build  ## the library alone
	$(INNER) $(BUILD)/$(GPU)$(FLAVOUR)/libclearcut.a

demo: deps  ## the whole job on drawn pictures; report in runs/demo/report/index.html
	$(INNER) bin/clearcut
	bin/clearcut run configs/demo.yaml -o runs/demo

# DATA is the folder that docs/data.md describes; --full: make demo-real ARGS=--full
demo-real:  ## the whole job on real pictures: make demo-real DATA=folder
	@if [ -z "$(DATA)" ]; then cat docs/data.md; exit 2; fi
	$(INNER) deps
	$(INNER) bin/clearcut
	bin/clearcut run configs/demo-real.yaml -o runs/real --set data=$(abspath $(DATA)) $(ARGS)

# Hours; ARGS=--dry-run says how many, ARGS="--to finetune-ocrnet-voc-animals-1" stops behind that stage (docs/study.md)
study:  ## does PSSL pay? on real pictures: make study DATA=folder
	@if [ -z "$(DATA)" ]; then cat docs/study.md; exit 2; fi
	$(INNER) deps
	$(INNER) bin/clearcut
	bin/clearcut run configs/study.yaml -o runs/study --set data=$(abspath $(DATA)) $(ARGS)
	@[ ! -f docs/results/study.jsonl ] || bin/clearcut viz study docs/results/study.jsonl -o docs/results

test: deps  ## lint, unit tests, examples, library list; ends with "N passed, N failed"
	$(INNER) check

# With FILTER=name only the unit tests of that name run.
check: $(UNIT_TESTS) $(if $(filter *,$(FILTER)),$(PROGRAMS) $(EXAMPLES))
	+@tools/test.sh "$(MAKE) --no-print-directory" $(BUILD) $(UNIT_TESTS) '$(FILTER)'

unit: $(UNIT_TESTS)  ## the unit tests alone; FILTER=name chooses
	$(UNIT_TESTS) --gtest_brief=1 --gtest_filter='$(FILTER)'

test-all: deps  ## also: sanitizers, longer fuzzing, yardsticks; what is missing is skipped by name
	+@tools/test_all.sh "$(MAKE) --no-print-directory" $(BUILD)

# ARGS chooses: --work, --threads, --reps, --rounds; see tools/bench_peers.py --help
bench-peers: deps-build  ## ours and PyTorch in turn on the same graphs; build/bench-peers.json
	$(INNER) bin/clearcut
	@/usr/bin/python3 tools/bench_peers.py $(ARGS)

deps:  ## install the packages that build and tests need
	@[ "$(DEPS)" = none ] || tools/deps.sh build full stb test
deps-all:  ## also the optional packages of test-all
	@tools/deps.sh build full stb test all
deps-build:
	@[ "$(DEPS)" = none ] || tools/deps.sh build $(if $(filter 1,$(MINIMAL)),stb,full)

# ---- library, programs, tests

$(BUILD)/full/libclearcut.a: $(OBJECTS_full)
$(BUILD)/minimal/libclearcut.a: $(OBJECTS_minimal)
%/libclearcut.a:
	@mkdir -p $(@D) && rm -f $@
	$(call say,archive $@)ar rcs $@ $^

# The binary of the flavour that was asked for last stands at bin/clearcut.
.PHONY: bin/clearcut
bin/clearcut: $(BUILD)/$(GPU)$(FLAVOUR)/clearcut
	@mkdir -p bin && { cmp -s $< $@ || cp -f $< $@; }
$(BUILD)/%/clearcut: $(APP_OBJECTS) $(BUILD)/%/libclearcut.a
	$(call say,link $@)$(CXX) $(CXXFLAGS) $^ -o $@ $(LIBS_$*)

$(BUILD)/%/unit_tests: $(TEST_OBJECTS) $(BUILD)/%/libclearcut.a
	$(call say,link $@)$(CXX) $(CXXFLAGS) $^ -o $@ $(LIBS_$*) -lgtest

$(BUILD)/%.o: %.cpp
	@mkdir -p $(@D)
	$(call say,compile $<)$(CXX) $(CXXFLAGS) -MMD -MP -c $< -o $@

# The page of `clearcut view` is carried in the program: the assembler takes its files in.
$(BUILD)/train/view/page.o build/fuzz/train/view/page.o: $(wildcard train/view/page.*)

# CUDA sources are C++ over cuda/emulator here: threads are fibres, device memory is watched.
$(BUILD)/%.cu.o: %.cu
	@mkdir -p $(@D)
	$(call say,compile $<)$(CXX) $(CXXFLAGS) -MMD -MP -x c++ -c $< -o $@
# The emulator tells the sanitizers about its fibres; its own work is none of theirs.
$(BUILD)/cuda/emulator/%.o: CXXFLAGS := $(filter-out -fsanitize=% -fno-sanitize-recover=%,$(CXXFLAGS)) \
  $(if $(findstring address,$(SAN)),-DEMULATOR_ASAN) $(if $(findstring thread,$(SAN)),-DEMULATOR_TSAN)

# What nvcc makes of the same sources. No GPU or driver is needed.
DEVICE := $(filter cuda/%.cu,$(SOURCES))
NVCC := $(firstword $(wildcard /usr/local/cuda/bin/nvcc) $(shell command -v nvcc))
NVCCFLAGS := -std=c++20 -O3 --expt-relaxed-constexpr -I.
CUDA_INCLUDE := $(dir $(NVCC))../include
CUDA_ARCH ?= sm_80
ptx_of = $(DEVICE:%.cu=$(BUILD)/ptx/$(1)/%.ptx)
cuda-check: $(call ptx_of,$(CUDA_ARCH))  ## kernels through nvcc: PTX for CUDA_ARCH
$(BUILD)/ptx/$(CUDA_ARCH)/%.ptx: %.cu
	@mkdir -p $(@D)
	$(call say,nvcc $<)$(NVCC) $(NVCCFLAGS) -arch=$(CUDA_ARCH) -ptx -MMD -MP -MF $(@:.ptx=.d) -MT $@ $< -o $@

# ---- make CUDA=1: the same sources for GPUs. cudart is linked statically, so that the program starts anywhere.

GPU_CODE := $(foreach a,80 90,-gencode 'arch=compute_$(a),code=[sm_$(a),compute_$(a)]') \
            $(foreach a,100 120,-gencode arch=compute_$(a),code=sm_$(a))
CUDART := -L$(dir $(NVCC))../lib64 -lcudart_static -ldl -lrt -lpthread
LIBS_gpu/full := $(LIBS_full) $(CUDART)
LIBS_gpu/minimal := $(LIBS_minimal) $(CUDART)
# What ptxas says of registers and spills stays beside the object (x.ptxas), the PTX in x.kept: make ptxas-check.
$(BUILD)/gpu/%.cu.o: %.cu
	@[ -n "$(NVCC)" ] || { echo "CUDA=1 needs nvcc 13 (/usr/local/cuda/bin or PATH); see docs/cuda.md" >&2; exit 1; }
	@mkdir -p $(@:.o=.kept)
	$(call say,nvcc $< for GPUs)$(NVCC) $(NVCCFLAGS) $(GPU_CODE) $(if $(CI),-Werror all-warnings) -Xptxas -v \
	  -keep -keep-dir $(@:.o=.kept) -Xcompiler -fopenmp,-ffp-contract=off -c -MMD -MP -MF $(@:.o=.d) -MT $@ $< -o $@ \
	  2>$(@:.o=.ptxas) || { cat $(@:.o=.ptxas) >&2; exit 1; }
	@find $(@:.o=.kept) -type f -not -name '*.ptx' -delete; grep -iE 'warning' $(@:.o=.ptxas) >&2 || true
on_gpu = $(patsubst $(BUILD)/cuda/%.cu.o,$(BUILD)/gpu/cuda/%.cu.o,$(filter-out $(BUILD)/cuda/emulator/%,$(1)))
$(BUILD)/gpu/full/libclearcut.a: $(call on_gpu,$(OBJECTS_full))
$(BUILD)/gpu/minimal/libclearcut.a: $(call on_gpu,$(OBJECTS_minimal))
-include $(DEVICE:%=$(BUILD)/gpu/%.d)

# The teaching steps of cuda/variants may use what they like.
ptxas-check: $(patsubst %,$(BUILD)/gpu/%.o,$(filter-out cuda/variants/%,$(DEVICE)))  ## no kernel spills or has more registers than its bounds allow
	@tools/ptxas_check.py $(patsubst %.o,%,$^)

# ---- programs of nvcc whose PTX is interpreted: cuda/ptxsim stands in for cudart, no GPU or driver is needed

PTX_ARCHS := sm_80 sm_90
$(PTXSIM): CXXFLAGS += -frounding-math
PTX_CUDART := $(call objects_of,$(wildcard cuda/ptxsim/cudart/*.cpp))
$(PTX_CUDART): CXXFLAGS += -isystem $(CUDA_INCLUDE)
KERNEL_CHECKS := train/check_kernels.cpp train/check_cuda_kernels.cpp train/bench/layers.cpp train/bench/operands.cpp
# Operators without a gradient row have their kernels tested here.
NO_GRADIENT_TESTS := $(patsubst %,tests/tensor/%_test.cpp,add_products blur_by copy_box mask_search quotients show_regions smooth_mask soft_grid)
PTX_HOST_TESTS := $(call objects_of,tests/main.cpp tests/op_run.cpp $(wildcard tests/ptx/*.cpp tests/ptx/built/*.cpp) $(NO_GRADIENT_TESTS) \
                    $(patsubst %,tests/cuda/%_test.cpp,edges op tensor_product tile train values variants) $(KERNEL_CHECKS)) $(CASE_OBJECTS)
PTX_HOST := $(filter $(BUILD)/tensor/% $(BUILD)/autograd/% $(BUILD)/isa/% $(BUILD)/cuda/vendor/%,$(OBJECTS_minimal))
PTX_DEVICE := $(DEVICE) $(wildcard tests/ptx/built/*.cu)
ptx: $(PTX_ARCHS:%=$(BUILD)/ptx/%/ptx_tests)  ## tests whose kernels come from nvcc, over the PTX interpreter
test-ptx: ptx  ## run them: operators for sm_80 and sm_90, once with inexact approximate instructions
	+@tools/test_ptx.sh $(BUILD) $(PTX_ARCHS)

ptx_nvcc = $(NVCC) $(NVCCFLAGS) -lineinfo -cudart none --no-compress \
  -gencode arch=compute_$(1:sm_%=%),code=compute_$(1:sm_%=%) -Xcompiler -fopenmp,-ffp-contract=off

define ptx_rules
$(BUILD)/ptx/$(1)/%.cu.o: %.cu
	@mkdir -p $$(@D)
	$$(call say,nvcc $$< for $(1))$(call ptx_nvcc,$(1)) -c -MMD -MP -MF $$(@:.o=.d) -MT $$@ $$< -o $$@
PTX_PROGRAM_$(1) := $(PTX_DEVICE:%=$(BUILD)/ptx/$(1)/%.o) $(PTX_HOST_TESTS) $(PTXSIM) $(PTX_CUDART) $(PTX_HOST)
$(BUILD)/ptx/$(1)/ptx_tests: $(PTX_DEVICE:%=$(BUILD)/ptx/$(1)/%.o) $(PTX_HOST_TESTS) $(PTXSIM) $(PTX_CUDART) $(PTX_HOST)
	$$(call say,link $$@)$(CXX) $(CXXFLAGS) $$^ -o $$@ -lgtest
-include $(PTX_DEVICE:%=$(BUILD)/ptx/$(1)/%.d)
endef
$(foreach arch,$(PTX_ARCHS),$(eval $(call ptx_rules,$(arch))))

# Counters of the laboratory's kernels, or of NAME=gemm_mine alone (docs/kernels.md).
counters: $(BUILD)/ptx/sm_80/ptx_tests  ## what the kernels of cuda/variants do, counted in their PTX; NAME chooses one
	@CLEARCUT_VARIANT='$(NAME)' $< --gtest_brief=1 --gtest_filter=PtxLadder.Table

# From saving cuda/variants/NAME.cu to its check on the emulated device.
check-variant: deps-build  ## compile, link and check one kernel of cuda/variants: NAME=gemm_mine
	@[ -n "$(NAME)" ] || { echo 'usage: make check-variant NAME=gemm_mine'; exit 2; }
	$(INNER) bin/clearcut
	bin/clearcut check kernels --filter $(NAME)

# ---- kernels broken on purpose: docs/mutation.md

MUTATE_TESTS := $(call objects_of,tests/main.cpp tests/op_run.cpp tests/cuda/orders.cpp $(KERNEL_CHECKS) $(NO_GRADIENT_TESTS) \
                  $(patsubst %,tests/cuda/%_test.cpp,edges op tensor_core tensor_product tile train values variants)) $(CASE_OBJECTS)
MUTATE_OBJECTS := $(MUTATE_TESTS) $(filter $(BUILD)/tensor/% $(BUILD)/cuda/% $(BUILD)/autograd/% $(BUILD)/isa/%,$(OBJECTS_minimal))
mutate: $(MUTATE_OBJECTS) $(if $(NVCC),$(BUILD)/ptx/sm_80/ptx_tests)  ## breaks kernels, lists what no test notices; FILES chooses
	@nice -n 15 tools/mutate.py $(FILES) $(ARGS) --build $(BUILD) --cxx '$(CXX)' --flags '$(CXXFLAGS)' \
	  --objects '$(MUTATE_OBJECTS)' $(if $(NVCC),--nvcc '$(call ptx_nvcc,sm_80)' --ptx-objects '$(PTX_PROGRAM_sm_80)')

# ---- tests on a GPU

# Operator rows and kernels on the GPU of this machine. Without one the tests say what is missing.
GPU_TESTS := $(call objects_of,tests/main.cpp tests/op_run.cpp tests/ptx/built/orders.cpp tests/gpu/card.cpp $(NO_GRADIENT_TESTS) \
               $(patsubst %,tests/cuda/%_test.cpp,op tensor_product tile train values)) $(CASE_OBJECTS)
gpu-tests: $(BUILD)/gpu/gpu_tests  ## operators on the GPU of this machine (needs nvcc 13 and a driver)
	$< --gtest_brief=1 --gtest_filter='$(FILTER)'
$(BUILD)/gpu/gpu_tests: $(GPU_TESTS) $(call on_gpu,$(filter $(PTX_HOST) $(BUILD)/cuda/%,$(OBJECTS_minimal)))
	$(call say,link $@)$(CXX) $(CXXFLAGS) $^ -o $@ -lgtest $(CUDART)

# What needs nvcc, but no GPU: the program is built without warnings and says what is missing; what cuda/vendor
# declares of cuBLAS, cuDNN and NCCL is what their headers say, where they are installed.
gpu-check: ptxas-check $(BUILD)/gpu/full/clearcut $(BUILD)/gpu/gpu_tests \
           $(if $(wildcard $(CUDA_INCLUDE)/cudnn.h),$(BUILD)/tests/gpu/vendor_headers.o)  ## make CUDA=1, tested without a GPU
	tests/gpu_program.sh $(BUILD)/gpu/full/clearcut
$(BUILD)/tests/gpu/vendor_headers.o: CXXFLAGS += -isystem $(CUDA_INCLUDE)

# The commit stands in --version and env.json. One file is compiled anew when it changes.
COMMIT := $(shell git describe --always --dirty --exclude '*' 2>/dev/null || echo unknown)
$(BUILD)/commit: FORCE
	@mkdir -p $(@D) && { echo '$(VERSION) $(COMMIT)' | cmp -s - $@ || echo '$(VERSION) $(COMMIT)' >$@; }
$(BUILD)/train/program.o: $(BUILD)/commit
$(BUILD)/train/program.o: CXXFLAGS += -DCLEARCUT_VERSION='"$(VERSION)"' -DCLEARCUT_COMMIT='"$(COMMIT)"'

# Kernels of convolution: each file of this folder defines one; the plan learns their names here.
CANDIDATES := $(sort $(basename $(notdir $(wildcard tensor/cpu/conv/candidates/*.cpp))))
$(BUILD)/candidates: FORCE
	@mkdir -p $(@D) && { echo '$(CANDIDATES)' | cmp -s - $@ || echo '$(CANDIDATES)' >$@; }
$(BUILD)/tensor/cpu/conv/kernel.o: $(BUILD)/candidates
$(BUILD)/tensor/cpu/conv/kernel.o: CXXFLAGS += '-DCONV_CANDIDATES(X)=$(foreach c,$(CANDIDATES),X($(c)))'

# The laboratory of cuda: each gemm_NAME.cu and conv2d_NAME.cu of this folder defines a kernel of that name.
VARIANTS := $(sort $(basename $(notdir $(wildcard cuda/variants/*.cu))))
$(BUILD)/variants: FORCE
	@mkdir -p $(@D) && { echo '$(VARIANTS)' | cmp -s - $@ || echo '$(VARIANTS)' >$@; }
$(BUILD)/tensor/cuda_variants.o: $(BUILD)/variants
$(BUILD)/tensor/cuda_variants.o: CXXFLAGS += '-DGEMM_VARIANTS(X)=$(foreach v,$(filter gemm_%,$(VARIANTS)),X($(v)))' \
  '-DCONV2D_VARIANTS(X)=$(foreach v,$(filter conv2d_%,$(VARIANTS)),X($(v)))'

# What sanitizers add has clean-up, which refers to the personality routine by a weak pointer: no code of ours.
define isa_rule
$(BUILD)/isa/$(1)/%.o: tensor/cpu/isa/%.cpp
	@mkdir -p $$(@D)
	$$(call say,compile $$< for $(1))$$(CXX) $$(CXXFLAGS) $$(ISA_CXXFLAGS) $$(ISA_FLAGS_$(1)) -DCLEARCUT_ISA=$(1) -MMD -MP -c $$< -o $$@
	@! nm -C $$@ | grep ' [VWuvw] ' | grep -v ' DW.ref.__gxx_personality_v0$$$$' || { rm -f $$@; \
	  echo "$$<: weak symbols (above): the linker could take this copy on a machine that cannot run it" >&2; exit 1; }
endef
$(foreach isa,$(ISAS),$(eval $(call isa_rule,$(isa))))

# ---- for users of the library: headers, archive, pkg-config file

install: lib  ## library, headers and program to PREFIX (default /usr/local)
	$(INNER) bin/clearcut
	@tools/install.sh "$(DESTDIR)$(PREFIX)" "$(PREFIX)" $(VERSION) $(BUILD)/$(GPU)$(FLAVOUR) "$(LIBS_$(GPU)$(FLAVOUR))"

# Examples are built as a user would: against the installed tree only.
STAGE := $(BUILD)/stage
$(STAGE)/lib/libclearcut.a: $(BUILD)/$(FLAVOUR)/libclearcut.a $(HEADERS)
	@tools/install.sh "$(STAGE)" "$(abspath $(STAGE))" $(VERSION) $(BUILD)/$(FLAVOUR) "$(LIBS)"
$(BUILD)/examples/%: examples/%.cpp $(STAGE)/lib/libclearcut.a
	@mkdir -p $(@D)
	$(call say,example $@)$(CXX) $(filter-out -I.,$(CXXFLAGS)) -I$(STAGE)/include/clearcut $^ -o $@ $(LIBS)

# ---- memory over many pictures: docs/scale.md

COUNT ?= 100000
soak: deps-build  ## label COUNT drawn pictures in one process; runs/soak/memory.svg is its memory
	$(INNER) $(BUILD)/tools/soak
	$(BUILD)/tools/soak $(COUNT) runs/soak
$(BUILD)/tools/%: tools/%.cpp $(BUILD)/$(FLAVOUR)/libclearcut.a
	@mkdir -p $(@D)
	$(call say,tool $@)$(CXX) $(CXXFLAGS) $^ -o $@ $(LIBS)

# ---- another architecture: make core-tests CXX=aarch64-linux-gnu-g++ EMULATOR='qemu-aarch64 -L ...'

# Rooms without libraries, and the tests that include nothing above them. GoogleTest comes as source.
GTEST := /usr/src/googletest/googletest
CORE := $(filter $(BUILD)/tensor/% $(BUILD)/cuda/% $(BUILD)/autograd/% $(BUILD)/isa/%,$(OBJECTS_minimal))
CORE_TESTS := $(call objects_of,$(shell grep -LE '^.include "(nn|models|explain|data|train|apps|tests/fuzz_targets)[/.]' \
                $(wildcard tests/*.cpp tests/tensor/*.cpp tests/cuda/*.cpp tests/cuda/vendor/*.cpp tests/autograd/*.cpp tests/cases/*.cpp)))
$(BUILD)/gtest.o: $(GTEST)/src/gtest-all.cc
	@mkdir -p $(@D)
	$(call say,compile $<)$(CXX) -std=c++20 -O1 -I$(GTEST) -I$(GTEST)/include -c $< -o $@
$(BUILD)/core_tests: $(CORE_TESTS) $(CORE) $(BUILD)/gtest.o
	$(call say,link $@)$(CXX) $(CXXFLAGS) $^ -o $@
core-tests: $(BUILD)/core_tests  ## tests of tensors and operators alone, as for another architecture
	$(EMULATOR) $< --gtest_brief=1 --gtest_filter='$(FILTER)'

# ---- libFuzzer

# The readers of foreign files are compiled by clang, which tells libFuzzer which ways a file took through them; the
# rest of the library is as it is. FUZZ_SECONDS is for each of them.
FUZZ_CXX ?= clang++
FUZZ_SECONDS ?= 60
FUZZ_CXXFLAGS := -std=c++20 -O1 -g -I. -fsanitize=address -fno-omit-frame-pointer
READERS := $(sort $(filter-out tensor/cpu/% train/bench/%,$(shell grep -lE 'ByteView|WireReader' \
             $(OBJECTS_full:$(BUILD)/%.o=%.cpp) 2>/dev/null)) tensor/stored.cpp $(wildcard models/weights/*.cpp train/config*.cpp))
FUZZ_OBJECTS := $(patsubst %.cpp,build/fuzz/%.o,$(READERS) tests/fuzz_targets.cpp tests/fuzz/driver.cpp)
fuzz: deps-build  ## readers of foreign files under libFuzzer, FUZZ_SECONDS each (needs clang)
	$(INNER) build/fuzz/readers
	@tools/fuzz.sh build/fuzz/readers $(FUZZ_SECONDS)
build/fuzz/readers: $(FUZZ_OBJECTS) $(BUILD)/full/libclearcut.a
	$(call say,link $@)$(FUZZ_CXX) -fsanitize=fuzzer,address $^ -o $@ $(LIBS_full) -lgomp
build/fuzz/%.o: %.cpp
	@mkdir -p $(@D)
	$(call say,compile $< for libFuzzer)$(FUZZ_CXX) $(FUZZ_CXXFLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c $< -o $@
-include $(FUZZ_OBJECTS:.o=.d)

# ---- lint

lint: format-check headers-alone $(UNIT_TESTS)  ## include rules, lengths, headers alone, format
	@$(UNIT_TESTS) --gtest_brief=1 --gtest_filter='House.*'
format:  ## rewrite all sources in the house format
	clang-format -i $(CODE)
format-check:
	@clang-format --dry-run -Werror $(CODE)
headers-alone: $(ALONE)
$(BUILD)/alone/%.ok: %
	@mkdir -p $(@D)
	@echo '#include "$<"' | $(CXX) $(CXXFLAGS) -fsyntax-only -x c++ - && touch $@

clean:  ## remove everything that was built
	rm -rf build bin

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*  ## /\1|/p' Makefile | awk -F'|' '{ printf "make %-13s %s\n", $$1, $$2 }'

-include $(patsubst %.o,%.d,$(OBJECTS_full) $(OBJECTS_minimal) $(APP_OBJECTS) $(TEST_OBJECTS) $(PTX_HOST_TESTS) $(PTX_CUDART))
