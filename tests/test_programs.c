// SPDX-License-Identifier: MIT
// What compilers say of programs that use the headers: no warning in C99, C11 and C++17, an error where a slot cannot hold
// an object, gcc's analyzer's reports where a handle is forgotten and nowhere else. And the examples run. To be run from the
// top folder, with PROGRAMS, CC and CXX as make check sets them.
#define _GNU_SOURCE
#include "tests/command.h"
#include "tests/harness.h"

#define STRICT "-Wall -Wextra -pedantic -Wshadow -Wconversion -Wcast-qual -Werror -Iinclude"

static const char *or_else(const char *variable, const char *otherwise) {
    const char *value = getenv(variable);
    return value && value[0] ? value : otherwise;
}

// What make calls $B.
static const char *built(void) {
    const char *folder = getenv("PROGRAMS");
    if (!folder)
        SKIP("PROGRAMS does not say where the programs were built: run it through make check");
    return folder;
}

static bool has(const char *program) {
    int status;
    command(&status, "command -v %s", program);
    return status == 0;
}

static bool succeeds(const char *output, int status) {
    return EXPECT_EQ(0, status) || EXPECT_STR("", output);
}

// ---- compilers

static void expect_silence(const char *compiler, const char *flags, const char *file) {
    if (!has(compiler))
        return;
    for (const char *const *o = (const char *const[]){"-O0", "-O2", NULL}; *o; o++) {
        test_note("%s %s %s", compiler, flags, *o);
        int status;
        const char *output = command(&status, "%s " STRICT " %s %s -c -o /dev/null %s", compiler, flags, *o, file);
        succeeds(output, status);
        EXPECT_STR("", output);
    }
    test_note("%s", "");
}

TEST(headers_compile_silently_in_c99, .limit = 60) {
    expect_silence("gcc", "-std=c99", "tests/programs/every_call.c");
    expect_silence("clang", "-std=c99", "tests/programs/every_call.c");
}

TEST(headers_compile_silently_in_c11_and_gnu17, .limit = 60) {
    expect_silence("gcc", "-std=c11", "tests/programs/every_call.c");
    expect_silence("clang", "-std=c11", "tests/programs/every_call.c");
    expect_silence("gcc", "-std=gnu17", "tests/programs/every_call.c");
    expect_silence("clang", "-std=gnu17", "tests/programs/every_call.c");
}

TEST(headers_compile_silently_in_cxx17, .limit = 60) {
    expect_silence("g++", "-x c++ -std=c++17", "tests/programs/every_call.c");
    expect_silence("clang++", "-x c++ -std=c++17", "tests/programs/every_call.c");
    expect_silence("g++", "-x c++ -std=c++20", "tests/programs/every_call.c");
}

TEST(each_header_compiles_alone, .limit = 60) {
    static const char *const headers[] = {"base", "type", "object", "heap", "collect", "weak", "fault", "inspect", "refcyc"};
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        test_note("%s.h", headers[i]);
        int status;
        const char *output = command(&status, "echo '#include <refcyc/%s.h>' | %s " STRICT " -std=c11 -x c -c -o /dev/null -",
                                     headers[i], or_else("CC", "cc"));
        succeeds(output, status);
        EXPECT_STR("", output);
    }
}

TEST(headers_compile_without_the_analyzers_attributes) {
    expect_silence("gcc", "-std=c11 -DRC_NO_ANALYZE", "tests/programs/every_call.c");
    expect_silence("gcc", "-std=c11 -DRC_ANALYZE", "tests/programs/every_call.c");
}

static void expect_refusal(const char *compiler, const char *flags, const char *line, const char *words) {
    int status;
    command(&status, "echo '#include <stdint.h>' | %s %s -fsyntax-only -", compiler, flags);
    if (status != 0)
        return; // it is not installed, or not for that
    const char *output = command(&status, "printf '#include <refcyc/%%b\\n' '%s' | %s %s -Iinclude -fsyntax-only -", line, compiler, flags);
    EXPECT(status != 0);
    EXPECT_HAS(words, output);
}

TEST(headers_refuse_pointers_of_32_bits) {
    expect_refusal("gcc", "-m32 -ffreestanding -x c", "base.h>", "Refcyc needs pointers of 64 bits");
    expect_refusal("clang", "-m32 -ffreestanding -x c", "base.h>", "Refcyc needs pointers of 64 bits");
}

TEST(tables_say_that_they_need_cxx17) {
    static const char table[] = "refcyc.h>\\nstruct node { node *next; }; "
                                "static RC_TYPE(node, node, .slots = RC_SLOTS(RC_LINK(node, next)));";
    expect_refusal("g++", "-std=c++14 -x c++", table, "tables need C++17");
    expect_refusal("clang++", "-std=c++14 -x c++", table, "tables need C++17");
}

static void expect_runs(const char *compiler, const char *flags) {
    if (!has(compiler))
        SKIP("the compiler is not installed");
    int status;
    const char *output = command(&status, "%s " STRICT " %s -o %s/every_call tests/programs/every_call.c -x none %s/librefcyc.a -pthread",
                                 compiler, flags, built(), built());
    REQUIRE(succeeds(output, status));
    output = command(&status, "%s/every_call", built());
    succeeds(output, status);
}

// The program is compiled as the library was, or the sanitizers' runtimes would be missing.
static const char *sanitize(void) {
    return or_else("SANITIZE_FLAGS", "");
}

TEST(every_call_works_in_c) {
    char flags[200];
    snprintf(flags, sizeof flags, "-std=c99 -O2 %s", sanitize());
    expect_runs(or_else("CC", "cc"), flags);
    snprintf(flags, sizeof flags, "-std=c11 -O0 %s", sanitize());
    expect_runs(or_else("CC", "cc"), flags);
}

TEST(every_call_works_in_cxx) {
    char flags[200];
    snprintf(flags, sizeof flags, "-x c++ -std=c++17 -O2 %s", sanitize());
    expect_runs(or_else("CXX", "c++"), flags);
}

// ---- slots and objects of the wrong type

TEST(slot_of_another_type_is_refused_at_compile_time) {
    for (int lang = 0; lang < 2; lang++) {
        const char *compiler = lang ? or_else("CXX", "c++") : or_else("CC", "cc");
        const char *flags = lang ? "-x c++ -std=c++17" : "-std=c11";
        if (!has(compiler))
            continue;
        int status;
        if (!lang) {
            const char *output = command(&status, "%s " STRICT " %s -c -o /dev/null tests/programs/wrong_slot.c", compiler, flags);
            succeeds(output, status);
        }
        for (int wrong = 1; wrong <= 6; wrong++) {
            test_note("%s, WRONG=%d", compiler, wrong);
            command(&status, "%s " STRICT " %s -DWRONG=%d -c -o /dev/null tests/programs/wrong_slot.c", compiler, flags, wrong);
            EXPECT(status != 0);
        }
    }
}

// ---- gcc -fanalyzer

static const char *analyze(int *status, const char *flags, const char *file) {
    if (!has("gcc"))
        SKIP("gcc is not installed");
    return command(status, "gcc -std=c11 -Iinclude -I. -fanalyzer %s -c -o /dev/null %s", flags, file);
}

static void expect_report(const char *file, const char *words) {
    int status;
    EXPECT_HAS(words, analyze(&status, "-O0", file));
    EXPECT_HAS(words, analyze(&status, "-O2 -DRC_ANALYZE", file));
    EXPECT_STR("", analyze(&status, "-O0 -DRC_NO_ANALYZE", file));
    EXPECT_EQ(0, status);
}

TEST(analyzer_reports_a_forgotten_release) {
    expect_report("tests/programs/leak.c", "[-Wanalyzer-malloc-leak]");
    expect_report("tests/programs/leak_new.c", "[-Wanalyzer-malloc-leak]");
}

TEST(analyzer_reports_use_after_release) {
    expect_report("tests/programs/use_after.c", "[-Wanalyzer-use-after-free]");
}

TEST(analyzer_reports_a_handle_released_twice) {
    expect_report("tests/programs/release_twice.c", "[-Wanalyzer-double-free]");
}

TEST(analyzer_has_nothing_to_say_of_good_programs, .limit = 120) {
    int status;
    EXPECT_STR("", analyze(&status, "-O0", "tests/programs/good.c"));
    EXPECT_STR("", analyze(&status, "-O2 -DRC_ANALYZE", "tests/programs/good.c"));
    EXPECT_STR("", analyze(&status, "-O2 -DRC_NO_ANALYZE -Wnull-dereference", "tests/programs/good.c"));
}

TEST(analyzer_has_nothing_to_say_of_the_examples, .limit = 300) {
    if (!has("gcc"))
        SKIP("gcc is not installed");
    int status;
    const char *output = command(&status, "for f in examples/*.c examples/*/*.c; do test -f $f || continue; p=; case $f in "
                                          "*/loops/uv.c) p=libuv ;; */loops/glib.c) p=glib-2.0 ;; "
                                          "*/loops/sdevent.c) p=libsystemd ;; examples/dom/*) p=gumbo ;; esac; "
                                          "test ! \"$p\" || pkg-config --exists $p || continue; "
                                          "gcc -std=c11 -Iinclude -I. $(test ! \"$p\" || pkg-config --cflags $p) "
                                          "-fanalyzer -Wall -Wextra -c -o /dev/null $f || echo failed: $f; done");
    EXPECT_STR("", output);
}

// ---- what other threads can see

// Compiled so, libatomic_ops would be inline assembly, and ThreadSanitizer would report what is no race, or miss what is one.
TEST(library_refuses_atomics_that_thread_sanitizer_cannot_see) {
    int status;
    const char *output = command(&status, "%s -std=c11 -Iinclude -I. -DAO_DISABLE_GCC_ATOMICS -c -o /dev/null rc/foreign.c",
                                 or_else("CC", "cc"));
    EXPECT(status != 0);
    EXPECT_HAS("AO_DISABLE_GCC_ATOMICS hides the atomic operations from ThreadSanitizer", output);
}

// So that the schedule search (tests/schedule) sees them all. Of rc/atomic.h itself: no fence, which ThreadSanitizer misreads,
// and nothing of two words at once.
TEST(atomic_operations_and_locks_are_in_one_header) {
    int status;
    EXPECT_STR("", command(&status, "grep -nE '\\bAO_[a-z]{2}|(^|[^c])__atomic_|__sync_|atomic_thread_fence|stdatomic|"
                                    "pthread_(mutex_(lock|trylock|timedlock|unlock)|rwlock|spin|cond)' rc/*.c cc/*.[ch] "
                                    "$(ls rc/*.h | grep -v rc/atomic.h)"));
    EXPECT_STR("", command(&status, "grep -nE '__atomic_|__sync_|fence' include/refcyc/*.h | "
                                    "grep -v 'define RC__\\(LOAD\\|STORE\\|ADD\\)'"));
    EXPECT_STR("", command(&status, "grep -nE '^ .*(AO_nop|AO_[a-z_]*(load|store)_full|AO_[a-z_]*double|__sync_|fence)' "
                                    "rc/atomic.h"));
}

// libatomic_ops is headers to us; its GPL part (stacks and a malloc) is a library of its own.
TEST(library_is_not_linked_with_libatomic_ops) {
    int status;
    EXPECT_STR("", command(&status, "nm -u %s/librefcyc.a 2>&1 | grep -w 'U \\(_*AO_.*\\|_*atomic_.*\\)'", built()));
    EXPECT_STR("", command(&status, "grep -rnE 'atomic_ops(_gpl)?(\\.a|\\.so)|-latomic' Makefile */*.mk tests/*/*.mk"));
}

// ---- make

// As if it were typed, whatever this make was told.
#define MAKE_FLAGS "env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL "
#define MAKE MAKE_FLAGS "-u CC -u CFLAGS make -s"

// In a copy whose tools/deps can install nothing: what compiles before that has ended would fail on a fresh machine.
TEST(nothing_is_compiled_before_tools_deps_has_ended) {
    char folder[] = "/tmp/refcyc-deps-XXXXXX";
    REQUIRE(mkdtemp(folder));
    int status;
    command(&status, "ln -s $PWD/* %s && rm -f %s/tools %s/build && mkdir %s/tools && ln -s $PWD/tools/* %s/tools && "
                     "rm %s/tools/deps && printf 'sleep 0.3; exit 1' >%s/tools/deps && chmod +x %s/tools/deps",
            folder, folder, folder, folder, folder, folder, folder, folder);
    REQUIRE(EXPECT_EQ(0, status));
    for (const char *const *target = (const char *const[]){"check", "demo", "plot", "fuzz", "coverage", NULL}; *target; target++) {
        test_note("make %s", *target);
        command(&status, MAKE " -C %s -j4 CC='touch compiled; false' %s", folder, *target);
        EXPECT(status != 0);
        EXPECT_STR("", command(&status, "find %s -name compiled", folder));
    }
    command(&status, "rm -rf %s", folder);
}

// ---- the installed library

TEST(installed_library_is_found_by_pkg_config_static_and_shared, .limit = 120) {
    if (sanitize()[0])
        SKIP("an installed library is not built with sanitizers");
    char folder[] = "/tmp/refcyc-install-XXXXXX";
    REQUIRE(mkdtemp(folder));
    int status;
    const char *output = command(&status, MAKE " install DESTDIR=%s PREFIX=/usr", folder);
    REQUIRE(succeeds(output, status));
    char config[300];
    snprintf(config, sizeof config, "PKG_CONFIG_SYSROOT_DIR=%s PKG_CONFIG_PATH=%s/usr/lib/pkgconfig pkg-config", folder, folder);
    output = command(&status, "cc -std=c11 -o %s/shared examples/hello.c $(%s --cflags --libs refcyc) && "
                              "LD_LIBRARY_PATH=%s/usr/lib %s/shared && LD_LIBRARY_PATH=%s/usr/lib ldd %s/shared",
                     folder, config, folder, folder, folder, folder);
    EXPECT_EQ(0, status);
    EXPECT_HAS("collected: 2", output);
    EXPECT_HAS("librefcyc.so.0 => ", output);
    output = command(&status, "cc -std=c11 -static -o %s/static examples/hello.c $(%s --static --cflags --libs refcyc) && %s/static",
                     folder, config, folder);
    EXPECT_EQ(0, status);
    EXPECT_HAS("collected: 2", output);
    command(&status, "test -f %s/usr/share/man/man3/rc_new.3 -a -f %s/usr/share/man/man7/refcyc.7", folder, folder);
    EXPECT_EQ(0, status);
    output = command(&status, "nm -D --defined-only %s/usr/lib/librefcyc.so", folder);
    EXPECT_HAS(" rc_new", output);
    EXPECT(!strstr(output, " cc_")); // nothing of the collector
    command(&status, MAKE " uninstall DESTDIR=%s PREFIX=/usr", folder);
    EXPECT_EQ(0, status);
    EXPECT_STR("", command(&status, "find %s/usr -type f -o -type l", folder));
    command(&status, "rm -rf %s", folder);
}

// As README says: two folders of sources, and no flag that has to be known.
TEST(library_compiles_with_the_sources_of_a_program, .limit = 120) {
    char folder[] = "/tmp/refcyc-sources-XXXXXX";
    REQUIRE(mkdtemp(folder));
    int status;
    for (const char *const *std = (const char *const[]){"", "-std=c99 -DNDEBUG", NULL}; *std; std++) {
        const char *output = command(&status, "cd %s && p=$OLDPWD && %s %s -O1 -Wall -Wextra -I$p/include -I$p -o hello "
                                              "$p/examples/hello.c $p/rc/*.c $p/cc/*.c -pthread && ./hello",
                                     folder, or_else("CC", "cc"), *std);
        EXPECT_EQ(0, status);
        EXPECT_HAS("collected: 2", output);
        EXPECT(!strstr(output, "warning"));
    }
    command(&status, "rm -rf %s", folder);
}

TEST(install_and_uninstall_keep_to_folders_whose_name_has_a_space) {
    if (sanitize()[0])
        SKIP("an installed library is not built with sanitizers");
    char folder[] = "/tmp/refcyc-install-XXXXXX";
    REQUIRE(mkdtemp(folder));
    int status;
    command(&status, "mkdir -p %s/a/include/refcyc && touch %s/a/keep %s/a/include/refcyc/keep", folder, folder, folder);
    const char *output = command(&status, MAKE " install DESTDIR='%s/a b' PREFIX=/usr", folder);
    REQUIRE(succeeds(output, status));
    EXPECT_HAS("/a b/usr/include/refcyc/refcyc.h", command(&status, "find %s -name refcyc.h", folder));
    output = command(&status, MAKE " uninstall DESTDIR='%s/a b' PREFIX=/usr", folder);
    succeeds(output, status);
    EXPECT_STR("a/include/refcyc/keep\na/keep\n", command(&status, "cd %s && find * -type f -o -type l | sort", folder));
    command(&status, "rm -rf %s", folder);
}

// CFLAGS from the environment, each flag where it belongs; and what our compilers do not warn of ends no build of theirs.
TEST(packagers_flags_are_honoured) {
    int status;
    const char *output = command(&status, MAKE_FLAGS "CC=theirs CFLAGS='-Othis -fPIE' CPPFLAGS=-Dthat LDFLAGS=-Wl,those make"
                                          " -n -B B=/nowhere all | grep '^theirs.* -o /nowhere/lib\\|^theirs.* rc/heap.c'");
    EXPECT_EQ(0, status);
    EXPECT_HAS(" -Othis -fPIE -fPIC ", output); // or there would be no shared library
    EXPECT_HAS(" -Dthat", output);
    EXPECT_HAS(" -Wl,those", output);
    EXPECT(!strstr(output, "-O2") && !strstr(output, "-Werror"));
    EXPECT_HAS("-Werror", command(&status, MAKE " -n -B B=/nowhere check-programs | grep rc/heap.c"));
}

TEST(help_lists_the_targets) {
    int status;
    const char *output = command(&status, MAKE " help");
    EXPECT_EQ(0, status);
    EXPECT_HAS("check: ", output);
    EXPECT_HAS("install: ", output);
}

// ---- plugins

// What is reached fast of a thread's own memory has to fit into what the system keeps for libraries that come at run time.
TEST(plugins_with_a_copy_of_the_runtime_each_are_loaded_side_by_side, .limit = 60) {
    if (sanitize()[0])
        SKIP("a plugin is not built with sanitizers");
    char folder[] = "/tmp/refcyc-plugins-XXXXXX";
    REQUIRE(mkdtemp(folder));
    int status;
    const char *output = command(&status, "cd %s && p=$OLDPWD && %s -std=c11 -O2 -I$p/include -fPIC -shared -Wl,--exclude-libs,ALL "
                                          "-o 1.so $p/tests/programs/plugin.c $p/%s/librefcyc.a -pthread && "
                                          "for n in 2 3 4 5 6 7 8; do cp 1.so $n.so; done && "
                                          "%s -std=c11 -o host $p/tests/programs/host.c -ldl && ./host ./*.so",
                                 folder, or_else("CC", "cc"), built(), or_else("CC", "cc"));
    succeeds(output, status);
    EXPECT_STR("2 2 2 2 2 2 2 2\n", output);
    command(&status, "rm -rf %s", folder);
}

// ---- LeakSanitizer

TEST(lost_object_is_reported_by_leak_sanitizer, .limit = 60) {
    if (!strstr(sanitize(), "address"))
        SKIP("needs SANITIZE=address");
    int status;
    const char *output = command(&status, "%s -std=c11 -g -Iinclude -DRC_NO_ANALYZE %s -o %s/leak_at_exit "
                                          "tests/programs/leak_at_exit.c %s/librefcyc.a -pthread",
                                 or_else("CC", "cc"), sanitize(), built(), built());
    REQUIRE(succeeds(output, status));
    output = command(&status, "%s/leak_at_exit", built());
    EXPECT(status != 0);
    EXPECT_HAS("LeakSanitizer: detected memory leaks", output);
    EXPECT_HAS("in lose", output);
}

// ---- examples

TEST(examples_compile_silently_in_c99_and_c11, .limit = 60) {
    int status;
    for (const char *const *std = (const char *const[]){"c99", "c11", NULL}; *std; std++) {
        const char *output = command(&status, "for f in examples/*.c; do %s -std=%s " STRICT " -O2 -c -o /dev/null $f || "
                                              "echo failed: $f; done", or_else("CC", "cc"), *std);
        EXPECT_STR("", output);
    }
}

// Whatever else C++ programs have their compilers warn of.
TEST(example_in_cxx_compiles_silently_whatever_is_warned_of, .limit = 60) {
#define CXX_STRICT " -Wold-style-cast -Wzero-as-null-pointer-constant -Wsign-conversion -Wcast-align -Wundef"
    expect_silence("g++", "-std=c++17 -Wuseless-cast" CXX_STRICT, "examples/scene.cpp");
    expect_silence("clang++", "-std=c++17" CXX_STRICT, "examples/scene.cpp");
    expect_silence("g++", "-std=c++20" CXX_STRICT, "examples/scene.cpp");
}

TEST(scene_in_cxx_keeps_what_its_history_holds_and_no_more) {
    if (!has(or_else("CXX", "c++")))
        SKIP("the compiler is not installed");
    int status;
    const char *output = command(&status, "%s/examples/scene", built());
    EXPECT_EQ(0, status);
    EXPECT_HAS("without the tree, 4 steps to undo:\n  camera looks at tree\n", output);
    EXPECT_HAS("without the history:\n  camera looks at nothing\n", output);
    EXPECT_HAS("after an undo: 1 child\ncollected: 4\n", output);
}

// And a script that is stopped by it has not used up what the next one needs.
TEST(heap_with_a_limit_collects_before_it_says_no) {
    int status;
    const char *output = command(&status, "%s/examples/limit", built());
    EXPECT_EQ(0, status);
    EXPECT_HAS("100000 of 100000 calls in a loop, with collections\n", output);
    EXPECT_HAS("the limit was reached; the backtrace is whole\na recursion of 100000 calls was stopped\n", output);
    EXPECT_HAS("of its memory little is left\n", output);
    EXPECT_HAS("1000 of 1000 calls in a loop after it\nleaked: 0\n", output);
}

// Its code is gone then, and what is left of the host is collected without it.
TEST(plugin_is_unloaded_once_nobody_holds_what_it_made) {
    int status;
    const char *output = command(&status, "%s/examples/plugins/host %s/examples/plugins/spell.so", built(), built());
    EXPECT_EQ(0, status);
    EXPECT_HAS("left: 1 spell, 1 of them held\n", output);
    EXPECT_HAS("left: 1 mark, 0 of them held\n", output);
    EXPECT_HAS("which has 1 handle, leads to it\n", output);
    EXPECT_HAS("unloaded while the host keeps a watcher: no\nunloaded without it: yes\nand once more: yes\n", output);
    EXPECT_HAS("leaked: 0\n", output);
}

TEST(hello_collects_its_cycle) {
    int status;
    const char *output = command(&status, "%s/examples/hello", built());
    EXPECT_EQ(0, status);
    EXPECT_HAS("collected: 2", output);
    EXPECT_HAS("is gone", output);
}

TEST(stock_is_kept_in_containers_and_gone_in_the_end) {
    int status;
    const char *output = command(&status, "%s/examples/stock", built());
    EXPECT_EQ(0, status);
    EXPECT_HAS("4 prices, the first above 10 is number 1", output);
    EXPECT_HAS("wheel: 4\naxle: 2\nwheel is out of stock, 4 pieces\nno entry is left of it\naxle came last", output);
    EXPECT_HAS("remark: 1.5\nremark: fragile\na text is among them", output);
    EXPECT_HAS("3 colours", output);
}

// Its code refers to its counts and they to it: only both together are garbage.
TEST(lisp_forgets_the_counts_of_code_that_is_gone) {
    int status;
    const char *output = command(&status, "%s/examples/lisp", built());
    EXPECT_EQ(0, status);
    EXPECT_HAS("610\n42\n", output);
    EXPECT_HAS("expressions with a count: 9", output);
    EXPECT_HAS("after fib was redefined: 2", output);
}
