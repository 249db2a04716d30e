# cli.sh - the head of the scripts that test the tool, which source it.
# shellcheck shell=sh disable=SC2034
#
# A folder of its own, $work, is where it is; $recs the tool; $failures counts the
# calls of `wrong`. A script whose calls are all of one command sets $only.
cd "$(dirname "$0")/.." || exit 1
build=$(cd "${RECS_BUILD:-build}" 2>/dev/null && pwd)
recs=$build/recs
if [ ! -x "$recs" ]; then
    echo "the tool is not built: no ${RECS_BUILD:-build}/recs"
    exit 77
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

if command -v python3 >/dev/null 2>&1; then
    valid_json() { python3 -m json.tool "$1" >/dev/null; }
elif command -v jq >/dev/null 2>&1; then
    valid_json() { jq . "$1" >/dev/null; }
else
    valid_json() { [ -s "$1" ]; }
fi

failures=0
wrong() { # what
    failures=$((failures + 1))
    echo "WRONG: $*"
    echo "  standard output:"
    sed 's/^/    /' out 2>/dev/null | head -n 20
    echo "  standard error:"
    sed 's/^/    /' err 2>/dev/null | head -n 20
}
# Runs the tool into the files out and err and expects an exit code.
only=
last=
try() { # code, arguments of recs
    wanted=$1
    shift
    last="${only:+$only }$*"
    "$recs" ${only:+"$only"} "$@" >out 2>err </dev/null
    got=$?
    [ $got -eq "$wanted" ] || wrong "exit code $got instead of $wanted: recs $last"
}
has() { # file, text
    grep -qF -e "$2" "$1" || wrong "no '$2' in $1 of: recs $last"
}
lacks() { # file, text
    ! grep -qF -e "$2" "$1" || wrong "'$2' in $1 of: recs $last"
}
json() { # arguments of recs
    try 0 "$@" --json
    valid_json out || wrong "not JSON: recs $* --json"
}
one_line() { # of err
    [ "$(wc -l <err)" -eq 1 ] || wrong "not one line on standard error: recs $last"
}
