# SPDX-License-Identifier: MIT
# The stress programs; stress/README.md says what each is for. SEED=n repeats a run, SECONDS=n sets its length, JOBS=n
# the processes of the oracle.

SEED =
SECONDS = 600

STRESS_COMMON := $(patsubst %,$B/stress/%.o,kinds shadow peek calls containers checked callbacks program)
STRESS_SEED = $(if $(SEED),-s $(SEED))

$B/stress/%.o: CPPFLAGS_ALL += -DRC_NO_ANALYZE -D_DEFAULT_SOURCE

$B/stress/oracle: $B/stress/oracle.o $B/stress/shrink.o $(STRESS_COMMON) $(TESTED)
	$(COMPILE) -o $@ $^ $(LIBS)

$B/stress/threads $B/stress/meddlers: $B/stress/%: $B/stress/%.o $(TESTED)
	$(COMPILE) -o $@ $^ $(LIBS)

$B/stress/cycles: $B/stress/cycles.o $(TESTED)
	$(COMPILE) -o $@ $^ -lm $(LIBS)

$B/stress/memory: $B/stress/memory.o $B/stress/shrink.o $(STRESS_COMMON) $(TESTED)
	$(COMPILE) -o $@ $^ $(patsubst %,-Wl$(comma)--wrap=%,malloc calloc realloc posix_memalign) $(LIBS)

# The tests, with the calls in their objects renamed, and the requests for memory in the library's: see scarce.c.
SCARCE_SUITES = $(filter-out harness loops man programs stress,$(TESTS:$B/tests/test_%=%))
SCARCE_TESTS = $(SCARCE_SUITES:%=$B/scarce/tests/test_%)
SCARCE_OWN = rc_collect rc_collect_heaps rc_string_format rc_string_vformat rc_report

$B/scarce/scarce_calls.h: stress/scarce.awk $(filter-out %/uv.h %/glib.h %/sdevent.h,$(MAN_HEADERS))
	@mkdir -p $(@D)
	awk -v own='$(SCARCE_OWN)' -f $^ >$@

$B/stress/scarce.o: CPPFLAGS_ALL += -I$B/scarce
$B/stress/scarce.o: $B/scarce/scarce_calls.h

$B/scarce/names: $B/scarce/scarce_calls.h
	{ sed 's/^CALL([^,]*, \([a-z_]*\),.*/\1/' $<; printf '%s\n' $(SCARCE_OWN); } | sed 's/.*/& scarce_&/' >$@

$B/scarce/tests/%.o: $B/tests/%.o $B/scarce/names
	@mkdir -p $(@D)
	objcopy --redefine-syms=$B/scarce/names $< $@

$B/scarce/librefcyc.a: $(TESTED)
	objcopy $(foreach name,malloc calloc realloc posix_memalign,--redefine-sym $(name)=scarce_$(name)) $< $@

$B/scarce/tests/test_%: $B/scarce/tests/test_%.o $(TEST_COMMON:$B/%=$B/scarce/%) $B/stress/scarce.o $B/scarce/librefcyc.a
	$(COMPILE) -o $@ $^ -lcunit $(LIBS)

# Linked with libFuzzer's main; the library is built with its instrumentation (make fuzz does).
$B/stress/fuzz: $B/stress/fuzz.o $(STRESS_COMMON) $(TESTED)
	$(COMPILE) -fsanitize=fuzzer -o $@ $^ $(LIBS)

STRESS := $(patsubst %,$B/stress/%,oracle threads cycles memory meddlers)

# The tests replay stress/corpus (tests/test_stress.c).
check-programs: $B/stress/oracle

## stress-scarce: every test, each call failing with its 1st, 2nd, 3rd ... request for memory refused; T=word, SCARCE_SUITES='map weak'
stress-scarce: $(SCARCE_TESTS)
	@JOBS='$(JOBS)' PROGRAMS=$B stress/scarce $B/scarce '$T' $^

## stress-build: the stress programs
stress-build: $(STRESS)

## stress: random programs for a long time; SEED=n SECONDS=n JOBS=n
stress: $(STRESS)
	$B/stress/oracle $(STRESS_SEED) -t $(SECONDS) -j $(JOBS)
	$B/stress/threads $(STRESS_SEED) -t $(SECONDS)
	$B/stress/cycles $(STRESS_SEED) -t $(SECONDS)
	$B/stress/memory $(STRESS_SEED) -t $(SECONDS)
	$B/stress/meddlers $(STRESS_SEED) -t $(SECONDS)

## stress-quick: the same within two minutes, 10 million operations of the oracle; SEED=n (default 1)
stress-quick: SCARCE_SUITES := $(filter-out array list rules,$(SCARCE_SUITES))
stress-quick: $(STRESS) $(SCARCE_TESTS)
	$B/stress/oracle $(or $(STRESS_SEED),-s 1) -n 1e7 -t 110 -j $(JOBS)
	$B/stress/threads $(or $(STRESS_SEED),-s 1) -t 10
	$B/stress/memory $(or $(STRESS_SEED),-s 1) -t 8
	$B/stress/meddlers $(or $(STRESS_SEED),-s 1) -t 5
	$B/stress/cycles $(or $(STRESS_SEED),-s 1) -t 8
	@$B/stress/cycles $(or $(STRESS_SEED),-s 1) -t 12 -l 40 | grep '^leak: [0-9]' || { \
		echo 'cycles has missed a leak'; exit 1; }
	JOBS='$(JOBS)' PROGRAMS=$B MODES='once/ forever/1' stress/scarce $B/scarce '' $(SCARCE_TESTS)

## fuzz: libFuzzer over programs of the oracle, with what it has found so far in build/corpus; SECONDS=n
fuzz: deps-fuzz
	$(MAKE) CC=clang SANITIZE=address,fuzzer-no-link build/address-fuzzer-no-link-clang/stress/fuzz
	mkdir -p build/corpus
	build/address-fuzzer-no-link-clang/stress/fuzz -max_len=4096 -timeout=30 -max_total_time=$(SECONDS) \
		-artifact_prefix=build/ -print_final_stats=1 $(if $(SEED),-seed=$(SEED)) build/corpus stress/corpus

## fuzz-afl: the same with AFL++, which keeps what it has found in build/afl/found; SECONDS=n
fuzz-afl: deps-fuzz
	$(MAKE) B=build/afl CC=afl-clang-fast CHECK=1 build/afl/stress/fuzz
	AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_NO_UI=1 AFL_AUTORESUME=1 \
		afl-fuzz -i stress/corpus -o build/afl/found -V $(SECONDS) -t 5000 $(STRESS_SEED) -- build/afl/stress/fuzz
	@! find build/afl/found -path '*/crashes/id*' -o -path '*/hangs/id*' | grep .

.PHONY: stress-scarce stress-build stress stress-quick fuzz fuzz-afl
