#!/bin/sh
# SPDX-License-Identifier: MIT
# tests/orders/run.sh FOLDER [NAME...]: explores the scenarios, or those named, with GenMC, in the memory models of RC11 and
# IMM; then, or those named of them, what must go wrong (see the file `weakened`). Prints a line for each; ends with status 1
# if one of them came out otherwise than expected. FOLDER gets the copies of the source and the output.
set -u
here=$(cd "$(dirname "$0")" && pwd)
folder=$1
shift
if ! command -v "${GENMC:=genmc}" >/dev/null; then
    echo "make model-orders: there is no genmc in PATH, see tests/orders/README.md"
    exit 1
fi
status=0

# change FILE SCRIPT...: each of them has to change something.
change() {
    file=$1
    shift
    for script; do
        cp "$file" "$file.before"
        sed -E -i "$script" "$file"
        if cmp -s "$file" "$file.before"; then
            echo "stale: $file: $script"
            exit 1
        fi
    done
}

# copy TO: of the source, without what GenMC has not: large arrays, and arrays of each thread.
copy() (
    rm -rf "$1" && mkdir -p "$1" && cp -r "$here/../../rc" "$here/../../cc" "$here/../../include" "$1" && cd "$1" || exit 1
    change include/refcyc/inline.h 's/1 << 16\]/16]/' 's/1 << 15\]/8]/' 's/1 << 14\]/4]/'
    change rc/header.h 's/1 << 15\]/8]/'
    change rc/heap.h 's/1 << 14\]/4]/' 's/(CLASS_BUCKETS) 64/\1 1/' 's/recent\[16\]/recent[1]/'
    change rc/foreign.c 's/1 << 15\]/8]/' 's/1 << 14\]/4]/'
    change rc/class.c 's/1 << 16\]/16]/' 's/1 << 15\]/8]/' 's/\(1 << 15\) \/ 8/1/'
    change rc/inside.c 's/^#define DEPTH 32/#define DEPTH 2/' 's/^static RC__THREAD struct \{/static struct {/' \
        's/^\} stack\[DEPTH\];/} stacks[5][DEPTH];\n#define stack stacks[pthread_self()]/'
    change rc/heap.c '/^struct rc_heap \*rc_heap_new/,/^\}/d'
)

# explore MODEL SCENARIO SOURCE OUTPUT. Stores without an order between them are meant; GenMC only warns of these, if some of
# its reductions are off.
explore() {
    "$GENMC" "--$1" --disable-estimation --disable-sr --disable-ipr -- -w -I"$here/none" -I"$3" -I"$3/include" -DRUN="$2" \
        "$here/scenarios.c" >"$4" 2>&1
}

# Whether NAME is asked for. OF are the names that are.
asked() {
    [ -z "$names" ] && return 0
    for name in $names; do
        [ "$name" = "$1" ] && return 0
    done
    return 1
}

names=$*
copy "$folder/source" || exit 1
for scenario in $(sed -n 's/^SCENARIO(\([a-z_]*\).*/\1/p' "$here/scenarios.c"); do
    asked "$scenario" || continue
    for model in rc11 imm; do
        out=$folder/$scenario.$model
        explore $model "$scenario" "$folder/source" "$out"
        if grep -q 'No errors were detected' "$out"; then
            printf '%-20s %-5s %s executions\n' "$scenario" $model "$(sed -n 's/.*complete executions explored: //p' "$out")"
        else
            printf '%-20s %-5s FAILED, see %s\n' "$scenario" $model "$out"
            status=1
        fi
    done
done

while IFS='|' read -r name scenario file script; do
    case $name in '#'* | '') continue ;; esac
    asked "$name" || continue
    copy "$folder/$name" && (cd "$folder/$name" && change "$file" "$script") || { status=1; continue; }
    why=
    for model in rc11 imm; do
        [ -z "$why" ] || continue
        explore $model "$scenario" "$folder/$name" "$folder/$name.$model"
        why=$(sed -n -e 's/^Assertion violation: /violated: /p' -e 's/^Error: //p' "$folder/$name.$model" | tail -n 1)
        found=$model
    done
    if [ -n "$why" ]; then
        printf '%-20s %-5s %s: %s\n' "$name" $found "$scenario" "$why"
    else
        printf '%-20s %-5s %s: NOTHING FOUND\n' "$name" '' "$scenario"
        status=1
    fi
done <"$here/weakened"
exit $status
