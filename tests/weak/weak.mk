# SPDX-License-Identifier: MIT
# Weak memory (tests/weak/README.md).

## model-weak: what threads do to each other in the orders that weak memory allows; needs genmc; S=name
model-weak:
	@mkdir -p build/weak
	@tests/weak/run.sh build/weak $(S)

.PHONY: model-weak
