// SPDX-License-Identifier: MIT
// The manual pages are made of the headers' comments (tools/man): none is missing, each function is on the page of its
// header, and what reads manual pages has nothing to object to. To be run from the top folder.
#define _GNU_SOURCE
#include "tests/command.h"
#include "tests/harness.h"

static char folder[] = "/tmp/refcyc-man-XXXXXX";

// Runs it in a shell, with $D as the folder of the test; its output, which must have come with [status].
static const char *sh(int wanted, const char *script) {
    int status;
    const char *output = command(&status, "D=%s; %s", folder, script);
    EXPECT_EQ(wanted, status);
    return output;
}

static void make_pages(void) {
    REQUIRE(mkdtemp(folder));
    EXPECT_STR("", sh(0, "tools/man $D $(ls include/refcyc/*.h | grep -v 'refcyc/refcyc.h\\|inline.h')"));
}

static void remove_pages(void) {
    EXPECT_STR("", sh(0, "rm -r $D"));
}

TEST(every_function_of_the_library_is_on_a_page) {
    const char *built = getenv("PROGRAMS");
    if (!built)
        SKIP("PROGRAMS does not say where the library was built: run it through make check");
    make_pages();
    setenv("B", built, 1);
    EXPECT_STR("", sh(0, "nm -g --defined-only $B/librefcyc.a 2>/dev/null | "
                         "sed -n 's/^[0-9a-f]* [TDRBV] \\(rc_[a-z]\\)/\\1/p' "
                         ">$D/names; "
                         "sed -n 's/^static inline .*[ *]\\(rc_[a-z][a-z0-9_]*\\)(.*/\\1/p' include/refcyc/*.h >>$D/names; "
                         "test $(wc -l <$D/names) -gt 200 || echo there are too few names: $(wc -l <$D/names); "
                         "for n in $(cat $D/names); do "
                         "  page=$(sed -n 's/^\\.so //p' $D/man3/$n.3 2>/dev/null); "
                         "  test -n \"$page\" || { echo $n has no page; continue; }; "
                         "  grep -q \"fB.*[ *]$n\\((.*\\)*;.fP$\\|fB.*[ *]$n(\" $D/$page || echo $n is not on its page; "
                         "done"));
    remove_pages();
}

TEST(pages_of_functions_lead_to_pages_that_are_there) {
    make_pages();
    EXPECT_STR("", sh(0, "for p in $(sed -n 's/^\\.so //p' $D/man3/*.3 | sort -u); do test -f $D/$p || echo $p; done"));
    EXPECT_STR("", sh(0, "for h in include/refcyc/*.h; do "
                         "n=$(basename $h .h); case $n in refcyc | inline) continue ;; esac; "
                         "test -f $D/man3/refcyc-$n.3 || echo $n; "
                         "grep -q \"refcyc.-$n (3)\" $D/man7/refcyc.7 || echo $n is not named in refcyc.7; done"));
    EXPECT_STR("", sh(0, "grep -l '@[A-Z]' $D/man7/*"  " || true"));
    remove_pages();
}

TEST(pages_are_well_formed) {
    int mandoc, groff;
    command(&mandoc, "command -v mandoc");
    command(&groff, "command -v groff");
    if (mandoc && groff)
        SKIP("neither mandoc nor groff is installed");
    make_pages();
    if (!mandoc) // that it is not released yet is no date
        EXPECT_STR("", sh(0, "mandoc -T lint -W warning $D/man3/refcyc-*.3 $D/man7/*.7 | "
                             "grep -v 'cannot parse date'; true"));
    if (!groff)
        EXPECT_STR("", sh(0, "for f in $D/man3/refcyc-*.3 $D/man7/*.7; do groff -man -ww -z -Tutf8 $f 2>&1; done"));
    remove_pages();
}

// ---- a header of our own

static const char *page_of(const char *header, int wanted) {
    static char text[8192];
    int status;
    command(&status, "printf '// SPDX\\n// Things: some.\\n//\\n//     code(1);\\n\\n%s' >%s/x.h", header, folder);
    const char *said = sh(wanted, "tools/man $D $D/x.h 2>&1");
    snprintf(text, sizeof text, "%s", said);
    if (!wanted) {
        EXPECT_STR("", text);
        snprintf(text, sizeof text, "%s", sh(0, "cat $D/man3/refcyc-x.3"));
    }
    return text;
}

TEST(function_without_a_comment_is_named) {
    REQUIRE(mkdtemp(folder));
    EXPECT_HAS("x.h: rc_bare has no comment",
               page_of("// Good.\\nRC_API int rc_good(void);\\n\\nRC_API int rc_bare(int x);\\n", 1));
    EXPECT_HAS("x.h: rc_bare has no comment", page_of("RC_API void rc_bare(int x,\\n                   int y);\\n", 1));
    EXPECT_HAS("x.h: rc_bare has no comment", page_of("static inline int rc_bare(void) {\\n    return 0;\\n}\\n", 1));
    remove_pages();
}

TEST(comments_and_declarations_are_on_the_page) {
    REQUIRE(mkdtemp(folder));
    const char *page = page_of("// Adds [x] to it.\\nRC_API int *rc_add(int x) RC_RETURNS_HANDLE;\\n"
                               "RC_API int rc_too(void);\\n\\n"
                               "// ---- the rest\\n\\n#define RC_MOST 5\\n"
                               "// One:\\n//   ENOENT   there is none\\n//            at all\\n"
                               "static inline int rc_one(void) { // for one\\n    return rc__no();\\n}\\n\\n"
                               "// Two.\\nRC_API int rc_two(void);\\n", 0);
    EXPECT_HAS("\\fB#include <refcyc/x.h>\\fP", page);
    EXPECT_HAS("refcyc-x,\nrc_add,\nrc_too,\nRC_MOST,\nrc_one,\nrc_two \\- things", page);
    EXPECT_HAS("\\fBint *rc_add(int x);\\fP\n\\fBint rc_too(void);\\fP\n.fi\n.RS 4\nAdds \\fIx\\fP to it.\n.RE", page);
    EXPECT_HAS(".nf\n  code(1);\n.fi", page);
    EXPECT_HAS(".SS \"The rest\"", page);
    EXPECT_HAS("\\fBint rc_one(void);\\fP", page);
    EXPECT_HAS("One:\n.TP\nENOENT\nthere is none\nat all\n", page);
    EXPECT(!strstr(page, "rc__no"));
    remove_pages();
}
