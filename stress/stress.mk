# SPDX-License-Identifier: MIT
# The stress programs; stress/README.md says what each is for. SEED=n repeats a run, SECONDS=n sets its length, JOBS=n
# the processes of the oracle.

SEED =
SECONDS = 600
JOBS := $(shell nproc 2>/dev/null || echo 1)

STRESS_COMMON := $(patsubst %,$B/stress/%.o,kinds shadow peek calls memory callbacks program)
STRESS_SEED = $(if $(SEED),-s $(SEED))

$B/stress/%.o: CPPFLAGS_ALL += -DRC_NO_ANALYZE -D_DEFAULT_SOURCE

$B/stress/oracle: $B/stress/oracle.o $B/stress/shrink.o $(STRESS_COMMON) $(LIB)
	$(COMPILE) -o $@ $^ $(LIBS)

$B/stress/threads: $B/stress/threads.o $(LIB)
	$(COMPILE) -o $@ $^ $(LIBS)

$B/stress/cycles: $B/stress/cycles.o $(LIB)
	$(COMPILE) -o $@ $^ -lm $(LIBS)

STRESS := $B/stress/oracle $B/stress/threads $B/stress/cycles

## stress-build: the stress programs
stress-build: $(STRESS)

## stress: random programs for a long time; SEED=n SECONDS=n JOBS=n
stress: $(STRESS)
	$B/stress/oracle $(STRESS_SEED) -t $(SECONDS) -j $(JOBS)
	$B/stress/threads $(STRESS_SEED) -t $(SECONDS)
	$B/stress/cycles $(STRESS_SEED) -t $(SECONDS)

## stress-quick: the same for some minutes
stress-quick: $(STRESS)
	$B/stress/oracle $(STRESS_SEED) -n 1e7 -t 150 -j $(JOBS)
	$B/stress/threads $(STRESS_SEED) -t 20
	$B/stress/cycles $(STRESS_SEED) -t 10
	@if $B/stress/cycles $(STRESS_SEED) -t 8 -l 200 | grep '^leak: none'; then echo 'cycles has missed a leak'; exit 1; fi

.PHONY: stress-build stress stress-quick
