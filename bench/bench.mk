# SPDX-License-Identifier: MIT
# The benchmarks: our programs are built here, the peers' by bench/run, which skips what is not installed.

BENCH_OURS := $B/bench/refcyc $B/bench/latency $B/bench/containers $B/bench/frames

## bench: our benchmarks beside the peers'; QUICK=1: under three minutes; W='dom 3' P='orc php' REPS=n: part of it
bench: $(BENCH_OURS)
	@CC='$(CC)' CXX='$(CXX)' CFLAGS='$(CFLAGS)' bench/run $(if $(QUICK),--quick) $(if $(W),--workloads '$(W)') \
		$(if $(P),--peers '$(P)') $(if $(REPS),--reps $(REPS)) $B/bench

## bench-instructions: instructions per object and cache misses of our own workloads, counted by valgrind's callgrind
bench-instructions: $B/bench/refcyc
	@bench/instructions $B/bench $(W)

## bench-latency: how long the slices of a collection are, on 10 million objects, and in containers of 10 million elements; QUICK=1: 1 million
bench-latency: $B/bench/latency $B/bench/containers
	$B/bench/latency $(if $(QUICK),1000000,10000000)
	$B/bench/containers $(if $(QUICK),1000000,10000000)

## bench-frames: collecting in the idle time of frames; OBJECTS=10000000 SECONDS=60 MODE=rings|scratch|young|old|plain PEER=1
# PEER=1: the same with CPython, where it has that mode.
OBJECTS = 10000000
SECONDS = 60
MODE = rings
bench-frames: $B/bench/frames
	@$B/bench/frames $(OBJECTS) $(SECONDS) $(MODE); status=$$?; \
		$(if $(PEER),echo; python3 bench/frames.py $(OBJECTS) $(SECONDS) $(MODE) auto;) exit $$status

## plot: the slices of bench-frames as a picture, build/release/pauses.svg
plot: deps-plot
	@$(MAKE) --no-print-directory $B/bench/frames
	@$B/bench/frames $(OBJECTS) $(SECONDS) $(MODE) $B/pauses.dump || true
	@tools/plot-pauses $B/pauses.dump $B/pauses.svg 2000

# As compare/peers.py has it for the peers.
$B/bench/peers/%.o: FLAGS += -falign-loops=32

$B/bench/refcyc: $B/bench/peers/refcyc.o $(LIB)
	$(COMPILE) -o $@ $^ $(LIBS)

$B/bench/latency: $B/bench/latency.o $(LIB)
	$(COMPILE) -o $@ $^ $(LIBS)

$B/bench/containers: $B/bench/containers.o $(LIB)
	$(COMPILE) -o $@ $^ $(LIBS)

$B/bench/frames: $B/bench/frames.o $(LIB)
	$(COMPILE) -o $@ $^ $(LIBS)

.PHONY: bench bench-instructions bench-latency bench-frames plot
