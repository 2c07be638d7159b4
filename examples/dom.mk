# SPDX-License-Identifier: MIT
# The DOM demo (examples/dom): one program of several files, which needs libgumbo.

DOM := $B/examples/dom/dom
DOM_OBJECTS := $(patsubst %.c,$B/%.o,$(sort $(wildcard examples/dom/*.c)))
# What the demo opens: any files and folders. The default comes with the Debian package sqlite3-doc.
FILES = $(firstword $(wildcard /usr/share/doc/sqlite3 /usr/share/doc/sqlite-doc) /usr/share/doc/sqlite3)

## demo: a browser without a window, on the pages of SQLite's documentation; FILES="..." for others, DEMO="--tabs 20"
demo: deps-demo
	@$(MAKE) --no-print-directory $(DOM)
	$(DOM) $(DEMO) $(FILES)

## demo-check: what the demo promises, on a few pages and on bad input
demo-check: deps-demo
	@$(MAKE) --no-print-directory $(DOM)
	@examples/dom/check.sh $(DOM)

.PHONY: demo demo-check

$(DOM_OBJECTS): CPPFLAGS_ALL += $(shell $(PKG_CONFIG) --cflags gumbo)

$(DOM): $(DOM_OBJECTS) $(LIB)
	$(COMPILE) -o $@ $^ $(shell $(PKG_CONFIG) --libs gumbo) $(LIBS)
