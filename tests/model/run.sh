#!/bin/sh
# SPDX-License-Identifier: MIT
# tests/model/run.sh FOLDER quick|full: explores the model in each of its variants (see the file of that name), $JOBS at
# a time, and prints a line for each. Ends with status 1 if one of them came out otherwise than expected. FOLDER gets
# the checkers, their output, and of each counterexample to refcyc.pml the trace.
# tests/model/run.sh FOLDER first: those that end with a counterexample.
# tests/model/run.sh FOLDER NAME...: these only.
#
# MEGABYTES bounds the memory of a search for every state, or of as many levels as fit; MINUTES the time of the others.
set -u
here=$(dirname "$0")
folder=$1
shift
: "${JOBS:=2}" "${MEGABYTES:=4000}" "${MINUTES:=10}"
: "${CC:=$(command -v clang || echo cc)}" # which compiles a checker in half the time
HOME_ONLY='-DFOREIGN=0 -DWEAK=0 -DHELD=1'

checker_flags() {
    case $1 in
        every) echo "-DSFH -DMEMLIM=$MEGABYTES" ;;
        first | levels) echo "-DBFS -DMEMLIM=$MEGABYTES" ;;
        bits) echo "-DBITSTATE" ;;
    esac
}

# A search that ends soon is compiled longer than it runs.
optimize() {
    case "$*" in
        first*BELL* | first*INBOX* | first*-DN=3*) echo -O1 ;;
        first*) echo -O0 ;;
        *quick*) echo -O1 ;;
        *) echo -O2 ;;
    esac
}

search_flags() {
    case $1 in
        every) echo "-m4000000" ;;
        bits) echo "-m1000000 -w33 -Q$MINUTES" ;;
        *) echo "-m1000" ;;
    esac
}

# Prints what the search in the current folder has found.
outcome() {
    if [ -f model.pml.trail ]; then
        sed -n 's/^violated: //p' trail | head -n 1
    elif ! grep -q 'errors: 0' out; then
        echo failed
    elif [ "$1" = every ] && grep -q -e 'not completed' -e 'too small' out; then
        echo incomplete
    else
        echo none
    fi
}

# The counterexample as a script (README.md).
write_trace() {
    printf '# %s: %s, violated: %s\n' "$1" "$2" "$3"
    sed -e '/^violated/,$d' -e '/^spin:/d' -e '/^[[:space:]]*$/d' trail
}

explore() {
    name=$1 expected=$3 search=$4
    level=$(optimize "$search" "$@")
    shift 4
    definitions=$(echo " $* " |
        sed "s/ HOME / $HOME_ONLY /; s/ OWN / -DOWNERS=1 -DK=1 /; s/ BELL / /; s/ INBOX / /; s/^ *//; s/ *\$//")
    case " $* " in
        *" BELL "*) model=bell ;;
        *" INBOX "*) model=inbox ;;
        *) model=refcyc ;;
    esac
    source=$(realpath "$here")/$model.pml
    rm -rf "${folder:?}/$name"
    mkdir -p "$folder/$name" "$folder/traces"
    cd "$folder/$name" || exit 1
    # shellcheck disable=SC2086,SC2046
    {
        cp "$source" model.pml &&
            spin -a $definitions model.pml >out 2>&1 &&
            $CC "$level" -w -DSAFETY -DNOREDUCE $(checker_flags "$search") -o checker pan.c >>out 2>&1 &&
            ./checker $(search_flags "$search") >out 2>&1
        [ ! -f model.pml.trail ] || spin -t -T $definitions model.pml >trail 2>&1
    }
    found=$(outcome "$search")
    states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' out | awk '{ printf "%.0f", $1 }')
    depth=$(sed -n 's/.*depth reached \([0-9]*\).*/\1/p' out)
    seconds=$(sed -n 's/^pan: elapsed time \([^ ]*\) seconds/\1/p' out)
    [ ! -f trail ] || [ $model != refcyc ] || write_trace "$name" "$definitions" "$found" >"../traces/$name.trace"
    verdict=
    [ "$found" = "$expected" ] || verdict="  <-- NOT AS EXPECTED, see $PWD"
    printf '%-16s %-9s %-10s %-7s %11s %8s %9s%s\n' "$name" "$expected" "$found" "$search" \
        "${states:-?}" "${depth:-?}" "${seconds:-?}" "$verdict"
}

command -v spin >/dev/null || { echo "$0: needs spin (tools/deps ci)" >&2; exit 1; }

if [ "$1" = explore ]; then
    shift
    explore "$@"
    exit
fi

wanted=" $* "
mkdir -p "$folder"
rm -f "$folder/rows"
printf '%-16s %-9s %-10s %-7s %11s %8s %9s\n' variant expected found search states depth seconds
sed -e 's/#.*//' "$here/variants" | awk -v wanted="$wanted" '
    NF && (index(wanted, " " $1 " ") || wanted == " full " || wanted == " " $2 " " || wanted == " " $4 " ")' |
    xargs -r -P "$JOBS" -L 1 "$0" "$folder" explore | tee "$folder/rows"
awk '/NOT AS EXPECTED/ { failed++ } END { printf "%d passed, %d failed, 0 skipped\n", NR - failed, failed
                                         exit failed > 0 || NR == 0 }' "$folder/rows"
