# SPDX-License-Identifier: MIT
# The orders of weak memory (tests/orders/README.md).

## model-orders: what threads do to each other in the orders that weak memory allows; needs genmc; S=name
model-orders:
	@mkdir -p build/orders
	@tests/orders/run.sh build/orders $(S)

.PHONY: model-orders
