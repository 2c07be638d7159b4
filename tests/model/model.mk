# SPDX-License-Identifier: MIT
# The model of the protocol, and its counterexamples replayed on the library: tests/model/README.md.

MODEL_TRACES := $(sort $(wildcard tests/model/traces/*.trace))

$B/tests/model/replay: $B/tests/model/replay.o $(TESTED)
	$(COMPILE) -o $@ $^ $(LIBS)

## model: explores the protocol's model with Spin, whole and with each rule left out; JOBS=2 MEGABYTES=4000 MINUTES=10
model: model-replay
	@tests/model/run.sh build/model full

## model-quick: the same with the smaller searches only
model-quick: model-replay
	@tests/model/run.sh build/model quick

## model-replay: what goes wrong in the model without a rule must go right in the library
model-replay: $B/tests/model/replay
	$(UNDER) $< $(MODEL_TRACES)

## model-traces: writes the counterexamples to tests/model/traces anew, after a change of the model
model-traces:
	@rm -rf build/model/traces
	@tests/model/run.sh build/model first
	rm -f tests/model/traces/*.trace
	cp build/model/traces/*.trace tests/model/traces/

.PHONY: model model-quick model-replay model-traces
