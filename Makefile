# SPDX-License-Identifier: MIT
# Builds Refcyc. `make help` lists what can be asked for; tools/deps installs what is missing.
#
# Objects live in build/<variant>/, so that a sanitizer build never meets a plain one. The fragments at the end belong to
# their folders (the demo, the model, the stress programs, the benchmarks) and lean on these names only:
#   $B                 the folder of this variant: build/release, build/address-undefined-clang ...
#   $(LIB)             the static library, for a prerequisite and for the link;  $(TESTED) the same with assertions
#   $(COMPILE)         the compiler with all flags for C;  $(COMPILE_CXX) the same for C++
#   $(LIBS)            what goes last on a command line that links
# Dependencies of whatever lies below $B are read from the .d files that $(COMPILE) leaves there.

# ---- settings

# CC, CFLAGS and PKG_CONFIG may come from the environment, as packagers give them; and so may CPPFLAGS, LDFLAGS and AR.
CC ?= cc
CXX = $(if $(findstring clang,$(CC)),$(subst clang,clang++,$(CC)),c++)
CFLAGS ?= -O2 -g
SANITIZE =
CHECK =
RECHECK =
COVERAGE =
SCHEDULE =
T =
# What each test program runs under, if anything: UNDER='valgrind -q'
UNDER =
# Another architecture, whose compiler is ARCH-linux-gnu-gcc, and whose programs qemu-ARCH runs.
ARCH =
# The suites that check and valgrind run: SUITES='array list'; if none are named, all, and those of memory.
SUITES =
# Test programs, searches of the model and processes of the oracle that run side by side.
JOBS := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
PREFIX = /usr/local
LIBDIR = $(PREFIX)/lib
INCLUDEDIR = $(PREFIX)/include
PKG_CONFIG ?= pkg-config

# Of the libraries, the headers are the same for all, and are behind the compiler's own.
ifneq ($(ARCH),)
CC = $(ARCH)-linux-gnu-gcc
UNDER = qemu-$(ARCH)
CPPFLAGS = -idirafter /usr/include
LDFLAGS = -static
endif

comma := ,
space := $() $()
VARIANT := $(subst $(space),-,$(strip $(or $(subst $(comma),-,$(SANITIZE)),$(if $(CHECK)$(COVERAGE)$(SCHEDULE),,release)) \
	$(if $(CHECK),check) $(if $(SCHEDULE),schedule) $(if $(filter 0,$(RECHECK)),once) $(if $(COVERAGE),cover-$(COVERAGE)) \
	$(ARCH) $(if $(findstring clang,$(CC)),clang)))
B := build/$(VARIANT)

WARN = -Wall -Wextra -pedantic $(WERROR)
WERROR = -Werror
# Frame pointers make sanitizer reports readable; an undefined operation is a failure, not a remark.
SANITIZE_FLAGS = $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer)
# The library counts what is run of it: by gcov (COVERAGE=gcov), or by clang (COVERAGE=mcdc), where assertions would only be
# noise. WRITE_PROFILE is what a test calls when it aborts.
COVERAGE_FLAGS_gcov = -O0 -g --coverage -fprofile-update=atomic
COVERAGE_FLAGS_mcdc = -O1 -g -fprofile-instr-generate -fcoverage-mapping -fcoverage-mcdc -DNDEBUG
WRITE_PROFILE_gcov = __gcov_dump
WRITE_PROFILE_mcdc = __llvm_profile_write_file
LDFLAGS_COVERAGE_gcov = --coverage
LDFLAGS_COVERAGE_mcdc = -fprofile-instr-generate
CPPFLAGS_ALL = -Iinclude -I. $(if $(CHECK),-DRC_CHECK) $(if $(SCHEDULE),-DRC_SCHEDULE) \
	$(if $(filter 0,$(RECHECK)),-DRC_NO_RECHECK) $(CPPFLAGS)
# Counters that lie side by side are changed one by one: a vector of them would be loaded before its parts are stored.
FLAGS = $(WARN) -fno-tree-slp-vectorize -fvisibility=hidden -pthread -MMD -MP $(SANITIZE_FLAGS)
# -fPIC comes last: with -fPIE among CFLAGS, which some packagers give, there would be no shared library.
COMPILE = $(CC) -std=c11 $(CPPFLAGS_ALL) $(FLAGS) $(CFLAGS) -fPIC
COMPILE_CXX = $(CXX) -std=c++17 $(CPPFLAGS_ALL) $(FLAGS) $(CFLAGS) -fPIC
LIBS = $(LDFLAGS) $(LDFLAGS_COVERAGE_$(COVERAGE)) -pthread

# ---- files

VERSION := $(shell sed -n 's/^\#define RC_VERSION_M[AI][JN]OR \([0-9]*\)/\1./p; s/^\#define RC_VERSION_PATCH //p' \
	include/refcyc/base.h | tr -d '\n')
SONAME := librefcyc.so.$(firstword $(subst ., ,$(VERSION)))

LIB := $B/librefcyc.a
# What tests link: the same, but with assertions, which the plain build leaves out.
TESTED := $(if $(filter release release-clang release-$(ARCH),$(VARIANT)),$B/asserts/librefcyc.a,$(LIB))
SHARED := $B/$(SONAME)
OBJECTS := $(patsubst %.c,$B/%.o,$(sort $(wildcard rc/*.c cc/*.c)))
ASSERTING := $(patsubst $B/%.o,$B/asserts/%.o,$(OBJECTS))
ALL_TESTS := $(patsubst %.c,$B/%,$(sort $(wildcard tests/test_*.c)))
TESTS := $(if $(filter-out all,$(SUITES)),$(SUITES:%=$B/tests/test_%),$(ALL_TESTS))
TEST_COMMON := $(patsubst %.c,$B/%.o,$(filter-out tests/test_%,$(sort $(wildcard tests/*.c))))
# Where valgrind has something to find and gets through in a minute.
MEMORY_SUITES = slots collector death finalize weak owner fault memory verify map string box variant parts refused
# Suites that start other programs, load plugins, or limit the address space.
PROGRAM_SUITES = harness heaps inspect large man programs stress
# Programs that tests run as children; what else lies in tests/programs the tests hand to compilers.
CHILDREN := $(patsubst %.c,$B/%,$(sort $(wildcard tests/programs/test_*.c)))
# That in C++ only where there is a compiler for it: nothing else needs one.
EXAMPLES := $(patsubst %,$B/%,$(basename $(sort $(wildcard examples/*.c $(if $(shell command -v $(CXX)),examples/*.cpp)))))

# ---- targets

# Some goals build in a make of their own. Two makes that build the same file at once would spoil it: one goal after the other.
ifneq ($(and $(filter check check-build demo demo-check valgrind plot,$(MAKECMDGOALS)),$(word 2,$(MAKECMDGOALS))),)
.NOTPARALLEL:
endif

## all: the library, static and shared, and its pkg-config file (the default)
all: $(LIB) $(SHARED) $B/refcyc.pc

# Whoever installs it may have a compiler that warns of more than those we know.
all install: WERROR =

## check: every test; SUITES='array list' for these suites, T=word for tests whose suite or name has it; SANITIZE=address,undefined, SANITIZE=thread, CHECK=1, RECHECK=0, CC=clang
check: check-build
	@JOBS='$(JOBS)' UNDER='$(UNDER)' CC='$(CC)' CXX='$(CXX)' PROGRAMS=$B \
		SANITIZE_FLAGS='$(strip $(SANITIZE_FLAGS) $(LDFLAGS_COVERAGE_$(COVERAGE)))' tests/run $B/junit '$T' $(TESTS)

## check-build: builds what check runs
check-build: deps-check
	@$(MAKE) --no-print-directory check-programs

# A make of its own: one that builds side by side would begin to compile while tools/deps still installs.
check-programs: $(TESTS) $(CHILDREN) examples
	@:

## valgrind: the tests of memory under valgrind; SUITES='array list': of these; SUITES=all: of all, which takes long
valgrind: UNDER = valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,indirect,possible
valgrind: export TEST_SLOW = 20
valgrind: check-build
	@JOBS='$(JOBS)' UNDER='$(UNDER)' CC='$(CC)' CXX='$(CXX)' PROGRAMS=$B tests/run $B/junit-valgrind '$T' \
		$(if $(SUITES),$(TESTS),$(MEMORY_SUITES:%=$B/tests/test_%))

## emulated: the tests that start no other program, on another architecture, under qemu: ARCH=aarch64, ARCH=s390x (big-endian)
emulated: ARCH = aarch64
emulated:
	@echo 'int main(void){return 0;}' | $(ARCH)-linux-gnu-gcc -x c -static -o /dev/null - -lcunit && \
		command -v qemu-$(ARCH) >/dev/null || { \
		echo 'needs a compiler for $(ARCH), qemu and CUnit. In Debian, where aarch64 is called arm64:'; \
		echo 'dpkg --add-architecture arm64; apt-get update; apt-get install gcc-$(ARCH)-linux-gnu qemu-user libcunit1-dev:arm64'; \
		exit 1; } >&2
	@$(MAKE) --no-print-directory ARCH=$(ARCH) emulated-check

emulated-check: export TEST_SLOW = 20
emulated-check: $(TESTS)
	@JOBS='$(JOBS)' UNDER='$(UNDER)' CC='$(CC)' tests/run $B/junit '$T' \
		$(filter-out $(PROGRAM_SUITES:%=$B/tests/test_%),$(TESTS))

## examples: the programs of examples/ that are one file each
examples: $(EXAMPLES)

## install: into PREFIX (default /usr/local), LIBDIR, INCLUDEDIR, below DESTDIR
install: all
	install -d "$(DESTDIR)$(LIBDIR)/pkgconfig" "$(DESTDIR)$(INCLUDEDIR)/refcyc"
	install -m 644 $(LIB) "$(DESTDIR)$(LIBDIR)/"
	install -m 755 $(SHARED) "$(DESTDIR)$(LIBDIR)/librefcyc.so.$(VERSION)"
	ln -sf librefcyc.so.$(VERSION) "$(DESTDIR)$(LIBDIR)/$(SONAME)"
	ln -sf $(SONAME) "$(DESTDIR)$(LIBDIR)/librefcyc.so"
	install -m 644 $B/refcyc.pc "$(DESTDIR)$(LIBDIR)/pkgconfig/"
	install -m 644 include/refcyc/*.h "$(DESTDIR)$(INCLUDEDIR)/refcyc/"

## uninstall: takes away what install has put there
uninstall:
	rm -rf "$(DESTDIR)$(INCLUDEDIR)/refcyc"
	rm -f "$(DESTDIR)$(LIBDIR)/librefcyc.a" "$(DESTDIR)$(LIBDIR)/librefcyc.so"* "$(DESTDIR)$(LIBDIR)/pkgconfig/refcyc.pc"

## mutants: takes each rule of tests/mutants.list out of a copy of the source and shows which test fails for it
mutants: deps-check
	tools/mutate $(M)

## coverage: lines and branches of rc/ and cc/ that the tests run, and MC/DC by clang-19; fails under 100 % and 98 %
coverage: export TEST_SLOW = 10
coverage: deps-coverage
	@rm -rf build/cover-gcov build/cover-mcdc-clang
	@$(MAKE) --no-print-directory COVERAGE=gcov check model-replay
	@PROFILES='$(CURDIR)/build/cover-mcdc-clang/profile' \
		LLVM_PROFILE_FILE='$(CURDIR)/build/cover-mcdc-clang/profile/other-%m.profraw' \
		$(MAKE) --no-print-directory COVERAGE=mcdc CC=clang-19 check model-replay
	@cd build/cover-mcdc-clang && llvm-profdata-19 merge -o profile/all profile/*.profraw && \
		llvm-cov-19 export -summary-only -instr-profile=profile/all $(TESTS:$B/%=-object %) \
		-sources $(addprefix $(CURDIR)/,$(sort $(wildcard rc/*.[ch] cc/*.[ch]))) >mcdc.json
	@tools/coverage build/cover-gcov build/cover-mcdc-clang/mcdc.json

## clean: away with build/
clean:
	rm -rf build

## help: this list
help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

deps-%:
	@tools/deps $*

.PHONY: all check check-build check-programs valgrind coverage emulated emulated-check examples install uninstall mutants clean help FORCE

# ---- rules

$(LIB): $(OBJECTS)
	rm -f $@
	$(AR) rcs $@ $^

$B/asserts/librefcyc.a: $(ASSERTING)
	rm -f $@
	$(AR) rcs $@ $^

$(SHARED): $(OBJECTS)
	$(COMPILE) -shared -Wl,-soname,$(SONAME) -o $@ $^ $(LIBS)

# Written anew when PREFIX, LIBDIR or INCLUDEDIR is another one than last time.
$B/refcyc.pc: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$(LIBDIR)' 'includedir=$(INCLUDEDIR)' '' 'Name: refcyc' \
		'Description: Reference counting with an incremental cycle collector' 'Version: $(VERSION)' \
		'Cflags: -I$${includedir}$(if $(CHECK), -DRC_CHECK)' 'Libs: -L$${libdir} -lrefcyc' 'Libs.private: -pthread' >$@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

$B/%.o: %.c
	@mkdir -p $(@D)
	$(COMPILE) -c -o $@ $<

$B/%.o: %.cpp
	@mkdir -p $(@D)
	$(COMPILE_CXX) -c -o $@ $<

$B/asserts/%.o: %.c
	@mkdir -p $(@D)
	$(COMPILE) -c -o $@ $<

$(OBJECTS): CPPFLAGS_ALL += $(if $(filter $(LIB),$(TESTED)),,-DNDEBUG)
$(OBJECTS): CFLAGS += $(COVERAGE_FLAGS_$(COVERAGE))
$B/tests/harness.o: CPPFLAGS_ALL += $(if $(COVERAGE),-DWRITE_PROFILE=$(WRITE_PROFILE_$(COVERAGE)))

# Tests release through whatever variable is at hand, which is not the idiom that gcc's warnings take for granted (base.h).
$B/tests/%.o: CPPFLAGS_ALL += -DRC_NO_ANALYZE

# Lets that suite do something wherever the library takes or gives back a lock.
$B/%/test_locks: LIBS += -Wl,--wrap=pthread_mutex_lock,--wrap=pthread_mutex_unlock
# And gives these the clock of tests/clock.h.
$B/%/test_idle $B/%/test_pauses: LIBS += -Wl,--wrap=clock_gettime

# Lets these refuse memory to what asks the C library, or the system, for it.
$B/%/test_inspect $B/%/test_history $B/%/test_starved: LIBS += -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc
$B/%/test_starved: LIBS += -Wl,--wrap=mmap,--wrap=madvise

$(ALL_TESTS) $(CHILDREN): %: %.o $(TEST_COMMON) $(TESTED)
	$(COMPILE) -o $@ $^ -lcunit $(LIBS)

$B/examples/%: $B/examples/%.o $(LIB)
	$(COMPILE) -o $@ $^ $(LIBS)

$B/examples/scene: $B/examples/scene.o $(LIB)
	$(COMPILE_CXX) -o $@ $^ $(LIBS)

.SECONDARY:

-include $(wildcard examples/*.mk man/man.mk loops/loops.mk tests/model/model.mk stress/stress.mk bench/bench.mk)
-include tests/schedule/schedule.mk tests/orders/orders.mk
-include $(shell find $B -name '*.d' 2>/dev/null)
