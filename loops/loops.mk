# SPDX-License-Identifier: MIT
# The adapters for event loops, each a library of its own with a .pc file, built where pkg-config finds the loop's.

LOOP_PKG_uv := libuv
LOOP_PKG_glib := glib-2.0
LOOP_PKG_sdevent := libsystemd
LOOPS := $(foreach l,uv glib sdevent,$(if $(shell $(PKG_CONFIG) --exists $(LOOP_PKG_$l) && echo yes),$l))
LOOP_FILES := $(foreach l,$(LOOPS),$B/librefcyc-$l.a $B/librefcyc-$l.$(SONAME:librefcyc.%=%) $B/refcyc-$l.pc)
LOOP_EXAMPLES := $(LOOPS:%=$B/examples/loops/%)
LOOP_TESTS := $(LOOPS:%=$B/tests/loops/%)

all: loops
examples: $(LOOP_EXAMPLES)
check-programs: $(LOOP_TESTS)

## loops: the adapters for libuv, GLib and sd-event, those that are installed, and an example of each
loops: $(LOOP_FILES) $(LOOP_EXAMPLES)

# Asked for once each, not with every line of a recipe.
define LOOP_RULES
LOOP_CFLAGS_$1 := $$(shell $$(PKG_CONFIG) --cflags $$(LOOP_PKG_$1))
LOOP_LIBS_$1 := $$(shell $$(PKG_CONFIG) --libs $$(LOOP_PKG_$1))

$B/loops/$1.o $B/examples/loops/$1.o $B/tests/loops/$1.o: CPPFLAGS_ALL += $$(LOOP_CFLAGS_$1)

$B/librefcyc-$1.a: $B/loops/$1.o
	rm -f $$@
	$$(AR) rcs $$@ $$^

$B/librefcyc-$1.$(SONAME:librefcyc.%=%): $B/loops/$1.o $(SHARED)
	$$(COMPILE) -shared -Wl,-soname,$$(@F) -o $$@ $$^ $$(LOOP_LIBS_$1) $$(LIBS)

$B/refcyc-$1.pc: FORCE
	@mkdir -p $$(@D)
	@printf '%s\n' 'prefix=$$(PREFIX)' 'libdir=$$(LIBDIR)' 'includedir=$$(INCLUDEDIR)' '' 'Name: refcyc-$1' \
		'Description: Refcyc in the idle time of $$(LOOP_PKG_$1)' 'Version: $$(VERSION)' \
		'Requires: refcyc, $$(LOOP_PKG_$1)' 'Cflags: -I$$$${includedir}' 'Libs: -L$$$${libdir} -lrefcyc-$1' >$$@.new
	@cmp -s $$@.new $$@ && rm $$@.new || mv $$@.new $$@

$B/examples/loops/$1 $B/tests/loops/$1: %: %.o $B/librefcyc-$1.a $(LIB)
	$$(COMPILE) -o $$@ $$^ $$(LOOP_LIBS_$1) $$(LIBS)
endef
$(foreach l,$(LOOPS),$(eval $(call LOOP_RULES,$l)))

install: install-loops
install-loops: $(LOOP_FILES)
	install -d "$(DESTDIR)$(LIBDIR)/pkgconfig"
	for l in $(LOOPS); do \
		install -m 644 $B/librefcyc-$$l.a "$(DESTDIR)$(LIBDIR)/" && \
		install -m 755 $B/librefcyc-$$l.$(SONAME:librefcyc.%=%) \
			"$(DESTDIR)$(LIBDIR)/librefcyc-$$l.so.$(VERSION)" && \
		ln -sf librefcyc-$$l.so.$(VERSION) "$(DESTDIR)$(LIBDIR)/librefcyc-$$l.$(SONAME:librefcyc.%=%)" && \
		ln -sf librefcyc-$$l.$(SONAME:librefcyc.%=%) "$(DESTDIR)$(LIBDIR)/librefcyc-$$l.so" && \
		install -m 644 $B/refcyc-$$l.pc "$(DESTDIR)$(LIBDIR)/pkgconfig/" || exit 1; \
	done

uninstall: uninstall-loops
uninstall-loops:
	rm -f "$(DESTDIR)$(LIBDIR)"/librefcyc-*.a "$(DESTDIR)$(LIBDIR)"/librefcyc-*.so* \
		"$(DESTDIR)$(LIBDIR)"/pkgconfig/refcyc-*.pc

.PHONY: loops install-loops uninstall-loops
