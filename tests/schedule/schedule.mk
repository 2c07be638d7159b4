# SPDX-License-Identifier: MIT
# The schedule search (scheduler.h): the library and its scenarios, built with SCHEDULE=1 and RECHECK=0 into a variant of
# their own, which no other target uses.

PREEMPTIONS = 3

SEARCH_OBJECTS := $(patsubst %.c,$B/%.o,$(sort $(wildcard tests/schedule/*.c)))

# At a fixed address, so that a run which is repeated from its string says the same of the same objects.
$B/tests/schedule/search: $(SEARCH_OBJECTS) $(LIB)
	$(COMPILE) -no-pie -o $@ $^ $(patsubst %,-Wl$(comma)--wrap=%,malloc calloc free) $(LIBS)

## schedules: every order of the operations of a few threads, with up to PREEMPTIONS=3; S=name
schedules:
	@$(MAKE) SCHEDULE=1 RECHECK=0 search

## schedules-quick: the same with up to 2
schedules-quick:
	@$(MAKE) SCHEDULE=1 RECHECK=0 PREEMPTIONS=2 search

search: $B/tests/schedule/search
	$< -p $(PREEMPTIONS) $(S)

.PHONY: schedules schedules-quick search
