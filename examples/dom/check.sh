#!/bin/sh
# SPDX-License-Identifier: MIT
# check.sh PROGRAM: what the demo promises, tried on the pages of this folder and on bad input. Ends with a line
# "N passed, N failed, 0 skipped", and with status 1 if one failed.
set -u
dom=$1
pages=$(dirname "$0")/pages
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
passed=0 failed=0

# expect STATUS ARGUMENT...: runs the demo; its output is in $tmp/out and $tmp/err afterwards.
expect() {
    want=$1
    shift
    "$dom" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
    got=$?
    problem=
    [ "$got" = "$want" ] || problem="status $got, not $want"
}
# says FILE PATTERN, says_not FILE PATTERN
says() {
    grep -q -e "$2" "$tmp/$1" || problem="$problem; '$2' is not in std$1"
}
says_not() {
    grep -q -e "$2" "$tmp/$1" && problem="$problem; '$2' is in std$1"
}
test_end() {
    if [ -z "$problem" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL $1: $problem"
        cat "$tmp/out" "$tmp/err"
    fi
}
figure() {
    sed -n "s/^  *$1  *\([0-9,]*\)\$/\1/p" "$tmp/out" | tr -d ,
}

expect 0 --seed 1 --deep 0 "$pages"
says out '^seed 1: 5 files, 8 tabs'
says out '^leaked: 0$'
says err 'notes.html: not HTML'
[ "$(wc -l <"$tmp/err")" = 1 ] || problem="$problem; more than one complaint"
[ "$(figure 'pages opened')" = 4 ] && [ "$(figure 'pages gone again')" = 4 ] || problem="$problem; not 4 pages"
[ "$(figure 'handlers run')" -gt 0 ] || problem="$problem; no handler ran"
[ "$(figure 'freed by the collector')" -gt 0 ] || problem="$problem; the collector freed nothing"
test_end 'a folder of pages, one of them no page'

expect 0 --seed 7 --deep 0 "$pages"
made=$(figure 'objects made') records=$(figure 'mutation records')
expect 0 --seed 7 --deep 0 --budget-us 0 "$pages"
again=$(figure 'objects made') records_again=$(figure 'mutation records')
[ "$made" = "$again" ] || problem="$problem; objects made: $made, then $again"
[ "$records" = "$records_again" ] || problem="$problem; mutation records: $records, then $records_again"
says out '^leaked: 0$'
test_end 'the same seed makes the same happen, whatever the budget'

for tabs in 1 2 100; do
    expect 0 --tabs "$tabs" --quiet --deep 0 "$pages" "$pages"
    says out '^leaked: 0$'
    says_not out '^pages [0-9]*/'
    test_end "$tabs tabs, quietly"
done

# The smallest slices: each collection takes hundreds of events, so they find it in every state.
problem=
for seed in $(seq 1 100); do
    expect 0 --seed "$seed" --quiet --tabs 4 --deep 300 --budget-us 0 "$pages" "$pages" "$pages"
    says out '^leaked: 0$'
    [ -z "$problem" ] || { problem="seed $seed: $problem"; break; }
done
test_end '100 seeds with slices of one step'

# 256 KiB of stack, but not under a sanitizer, which needs more of it for itself.
(ulimit -s 256; "$dom" --help >/dev/null 2>&1) && small_stack=256 || small_stack=8192
(ulimit -s $small_stack; "$dom" --seed 3 --deep 100000 "$pages/hello.html" >"$tmp/out" 2>"$tmp/err")
got=$? problem=
[ "$got" = 0 ] || problem="status $got, not 0"
says out '^leaked: 0$'
[ "$(figure 'objects made')" -gt 100000 ] || problem="$problem; fewer objects than levels"
test_end 'a page nested 100,000 deep on a small stack'

mkdir "$tmp/empty" "$tmp/deep"
: >"$tmp/nothing.html"
printf '<p>\000\001\002' >"$tmp/binary.html"
printf 'not a page' >"$tmp/plain.html"
mkfifo "$tmp/pipe.html"
ln -s nowhere "$tmp/dangling.html"
awk 'BEGIN { for (i = 0; i < 6000; i++) print "<div><i title=\"</i>\"></i></b>"; print "deep<!-- <div> --></body" }' \
    >"$tmp/deep/deep.html"

expect 0 --seed 4 --deep 0 "$tmp/deep" "$tmp/nothing.html" "$tmp/empty" "$tmp/binary.html" "$tmp/plain.html" \
    "$tmp/pipe.html" "$tmp/dangling.html" "$tmp/no-such-file.html" "" /dev/null
says err 'nothing.html: not HTML: it is empty'
says err 'empty: no HTML files'
says err 'binary.html: not HTML: it is binary'
says err 'plain.html: not HTML: there is no tag'
says err 'pipe.html: not a file'
says err 'dangling.html: No such file'
says err 'no-such-file.html: No such file'
says err "'': No such file"
says err '/dev/null: not a file'
says out '^leaked: 0$'
[ "$(figure 'pages opened')" = 1 ] || problem="$problem; not 1 page"
test_end 'bad files are named and passed over'

for bad in "$tmp/empty" "$tmp/nothing.html" "$tmp/no-such-file.html"; do
    expect 1 --deep 0 "$bad"
    says err 'nothing could be read'
    says out '^leaked: 0$'
    test_end "nothing to read: ${bad##*/}"
done

expect 2
says err 'no file or folder'
test_end 'no argument'
for bad in --tabs=0 --tabs=x --tabs=-1 --seed= --seed=99999999999999999999 --budget-us=1e3 --deep=10000001 \
    --nonsense; do
    expect 2 "$bad" "$pages"
    says err 'dom: '
    test_end "a bad option: $bad"
done

echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
