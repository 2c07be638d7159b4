# SPDX-License-Identifier: MIT
# awk -v own=NAMES -f stress/scarce.awk HEADER...: prints, for scarce.c, a line for each public function whose result can say that memory
# was out:
#
#     CALL(bool, rc_array_push, (struct rc_array *array, void *obj), (array, obj), !result)
#
# But for NAMES, which scarce.c writes by hand.
BEGIN { split(own, names); for (i in names) skipped[names[i]] }
/^RC_API / { text = "" }
/^RC_API /, /;/ {
    sub(/ *\/\/.*/, "")
    sub(/^ +/, " ")
    text = text $0
    if (/;/)
        declared(text)
}

# What it returns where it fails; "": it cannot say so.
function failure(type) {
    if (type ~ /\*$/ || type == "bool ") return "!result"
    if (type == "size_t ") return "result == SIZE_MAX"
    if (type == "struct rc_list_pos ") return "rc_list_is_none(result)"
}

function declared(s,    type, name, params, args, at, depth, c, i, n, part) {
    sub(/^RC_API /, "", s)
    match(s, /rc_[a-z_]+\(/)
    type = substr(s, 1, RSTART - 1)
    name = substr(s, RSTART, RLENGTH - 1)
    if (!failure(type) || name in skipped)
        return
    at = RSTART + RLENGTH
    n = 1
    for (depth = 1; depth > 0; at++) {
        c = substr(s, at, 1)
        depth += (c == "(") - (c == ")")
        if (c == "," && depth == 1)
            n++
        else if (depth > 0)
            part[n] = part[n] c
    }
    for (i = 1; i <= n; i++) {
        params = params (i > 1 ? "," : "") part[i]
        if (part[i] == "void")
            continue
        match(part[i], /\(\*[a-z_]+\)/) ? part[i] = substr(part[i], RSTART + 2, RLENGTH - 3) : sub(/.*[ *]/, "", part[i])
        args = args (i > 1 ? ", " : "") part[i]
    }
    print "CALL(" type ", " name ", (" params "), (" args "), " failure(type) ")"
}
