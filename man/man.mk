# SPDX-License-Identifier: MIT
# The manual pages: refcyc(7), written by hand, and a page for each header, made of its comments (tools/man).

MANDIR = $(PREFIX)/share/man
MAN_HEADERS := $(filter-out %/refcyc.h %/inline.h,$(sort $(wildcard include/refcyc/*.h)))
MAN := build/man

all: man
check-programs: man

## man: the manual pages, refcyc(7) and refcyc-<header>(3), in build/man; MANDIR says where install puts them
man: $(MAN)/.made

$(MAN)/.made: tools/man man/refcyc.7 examples/hello.c CHANGELOG.md $(MAN_HEADERS)
	rm -rf $(MAN)
	mkdir -p $(MAN)
	tools/man $(MAN) $(MAN_HEADERS)
	@touch $@

install: install-man
install-man: man
	install -d "$(DESTDIR)$(MANDIR)/man3" "$(DESTDIR)$(MANDIR)/man7"
	install -m 644 $(MAN)/man3/* "$(DESTDIR)$(MANDIR)/man3/"
	install -m 644 $(MAN)/man7/* "$(DESTDIR)$(MANDIR)/man7/"

uninstall: uninstall-man
uninstall-man: man
	cd $(MAN) && for page in man3/* man7/*; do rm -f "$(DESTDIR)$(MANDIR)/$$page"; done

.PHONY: man install-man uninstall-man
