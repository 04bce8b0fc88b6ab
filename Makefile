# clearcut: all build logic. Source files are found by wildcard; none is listed by hand.
#
#   make            bin/clearcut and the library        make demo      the whole job on drawn pictures
#   make test       build and run the tests             make help      all targets
#
# MINIMAL=1  stb_image in place of libjpeg-turbo, libspng and zlib
# DEBUG=1    -O0 -g, for a debugger

MINIMAL ?= 0
DEBUG ?= 0
FLAVOUR := $(if $(filter 1,$(MINIMAL)),minimal,full)
OTHER := $(if $(filter 1,$(MINIMAL)),full,minimal)
CONFIG := $(FLAVOUR)$(if $(filter 1,$(DEBUG)),-debug)
BUILD := build/$(CONFIG)

CXX ?= g++
WARNINGS := -Wall -Wextra -Wshadow -Wconversion $(if $(CI),-Werror)
OPTIMISE := $(if $(filter 1,$(DEBUG)),-O0 -g,-O2)
# Reference code keeps the rounding that its formulas say: no contraction, no -march, no fast-math.
CXXFLAGS := -std=c++20 $(OPTIMISE) -ffp-contract=off -fopenmp $(WARNINGS) -I.
LIBS_full := -lyaml-cpp -ljpeg -lspng -lz
LIBS_minimal := -lyaml-cpp
LIBS := $(LIBS_$(FLAVOUR))

# tensor/cpu/isa is compiled once per instruction set; the best one is chosen at run time.
ISAS := baseline avx2 avx512
ISA_FLAGS_baseline :=
ISA_FLAGS_avx2 := -mavx2 -mfma
ISA_FLAGS_avx512 := -mavx512f -mavx512dq -mavx512bw -mavx512vl -mfma -mprefer-vector-width=512
ISA_CXXFLAGS := -O3 -ffp-contract=fast -fno-math-errno -fno-trapping-math

ROOMS := tensor autograd nn models explain data train
SOURCES := $(shell find $(ROOMS) -name '*.cpp' -not -path '*/$(OTHER)/*' -not -path 'tensor/cpu/isa/*')
ISA_SOURCES := $(wildcard tensor/cpu/isa/*.cpp)
OBJECTS := $(SOURCES:%.cpp=$(BUILD)/%.o) \
           $(foreach isa,$(ISAS),$(ISA_SOURCES:tensor/cpu/isa/%.cpp=$(BUILD)/isa/$(isa)/%.o))
CASE_OBJECTS := $(patsubst %.cpp,$(BUILD)/%.o,$(wildcard tests/cases/*.cpp))
APP_OBJECTS := $(patsubst %.cpp,$(BUILD)/%.o,$(wildcard apps/*.cpp)) $(CASE_OBJECTS)
TEST_OBJECTS := $(patsubst %.cpp,$(BUILD)/%.o,$(shell find tests -name '*.cpp'))

LIB := $(BUILD)/libclearcut.a

.PHONY: all lib test clean format help
all: bin/clearcut

lib: $(LIB)
$(LIB): $(OBJECTS)
	@rm -f $@
	ar rcs $@ $^

# The binary of the configuration that was built last stands at bin/clearcut.
bin/clearcut: $(BUILD)/clearcut
	@mkdir -p bin && cp -f $< $@
$(BUILD)/clearcut: $(APP_OBJECTS) $(LIB)
	$(CXX) $(CXXFLAGS) $^ -o $@ $(LIBS)

$(BUILD)/unit_tests: $(TEST_OBJECTS) $(LIB)
	$(CXX) $(CXXFLAGS) $^ -o $@ $(LIBS) -lgtest

FILTER ?= *
test: $(BUILD)/unit_tests
	$(BUILD)/unit_tests --gtest_brief=1 --gtest_filter='$(FILTER)'

$(BUILD)/%.o: %.cpp
	@mkdir -p $(@D)
	$(CXX) $(CXXFLAGS) -MMD -MP -c $< -o $@

define isa_rule
$(BUILD)/isa/$(1)/%.o: tensor/cpu/isa/%.cpp
	@mkdir -p $$(@D)
	$$(CXX) $$(CXXFLAGS) $$(ISA_CXXFLAGS) $$(ISA_FLAGS_$(1)) -DCLEARCUT_ISA=$(1) -MMD -MP -c $$< -o $$@
endef
$(foreach isa,$(ISAS),$(eval $(call isa_rule,$(isa))))

format:
	clang-format -i $$(git ls-files '*.h' '*.cpp')

clean:
	rm -rf build bin

-include $(OBJECTS:.o=.d) $(APP_OBJECTS:.o=.d) $(TEST_OBJECTS:.o=.d)
