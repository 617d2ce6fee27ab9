# Runs test programs, as many at a time as there are processors (or as JOBS says); the last line sums them up, and
# BUILD/results/NAME.tsv keeps the sums (NAME: check, or what RESULTS says).
#
# Programs are cmocka's, or scripts (NAME.sh, run with BUILD as argument), each of which is one test: exit code 77 says
# skipped. A test that is skipped says why ("skipped: REASON", a script in any last line), or counts as failed.
set -u
build=${BUILD:-build}
mkdir -p "$build/results"

# Names of skipped tests with the reason each gave, from a log of cmocka.
reasons() {
    awk '/^skipped: / { reason = substr($0, 10) }
         /^\[ RUN / { reason = "" }
         /^\[  SKIPPED \] [^0-9]/ && !seen[$4]++ { print $4 ": " (reason == "" ? "no reason given" : reason) }'
}

run_cmocka() { # PROGRAM: sets log, p, f, s, why
    log=$("$1" 2>&1)
    code=$?
    p=$(printf '%s\n' "$log" | grep -c '^\[       OK \]')
    # cmocka lists failed and skipped tests once more at the end.
    f=$(printf '%s\n' "$log" | grep '^\[  FAILED  \] [^0-9]' | sort -u | wc -l)
    why=$(printf '%s\n' "$log" | reasons)
    s=$(printf '%s' "$why" | grep -c .)
    f=$((f + $(printf '%s' "$why" | grep -c 'no reason given$')))
    [ $code = 0 ] || [ "$f" != 0 ] || f=1
}

run_script() {
    log=$(sh "$1" "$build" 2>&1)
    code=$?
    p=0 f=0 s=0 why=""
    case $code in
    0) p=1 ;;
    77)
        s=1
        why=$(printf '%s\n' "$log" | tail -n 1)
        ;;
    *) f=1 ;;
    esac
}

# One program: what it has to say in one piece, its sums as a line of $SUMS.
run_one() { # PROGRAM
    from=$(date +%s)
    case $1 in
    *.sh) run_script "$1" ;;
    *) run_cmocka "$1" ;;
    esac
    took=$(($(date +%s) - from))
    note=""
    [ "$s" = 0 ] || note=", $s skipped"
    [ "$f" = 0 ] || note="$note, $f FAILED"
    [ "$took" -lt 5 ] || note="$note ($took s)"
    said=$(
        [ "$f" = 0 ] || printf '%s\n' "$log" | grep -vE '^\[( RUN|       OK)' | tail -n 60
        printf '%-34s %4d passed%s\n' "$(basename "$1")" "$p" "$note"
        [ -z "$why" ] || printf '%s\n' "$why" | sed 's/^/    skipped: /'
    )
    printf '%s\n' "$said"
    printf '%d\t%d\t%d\n' "$p" "$f" "$s" >>"$SUMS"
}

if [ -n "${SUMS:-}" ]; then
    run_one "$1"
    exit 0
fi

jobs=${JOBS:-$(getconf _NPROCESSORS_ONLN)}
SUMS=$(mktemp)
export SUMS
trap 'rm -f "$SUMS"' EXIT
printf '%s\n' "$@" | xargs -P "$jobs" -n 1 sh "$0"
# A program of which there are no sums was not run to its end.
sums=$(awk -v programs=$# '{ p += $1; f += $2; s += $3 } END { printf "%d\t%d\t%d\n", p, f + programs - NR, s }' "$SUMS")
printf '%s\n' "$sums" >"$build/results/${RESULTS:-check}.tsv"
printf '%s\n' "$sums" | awk '{ print $1 " passed, " $2 " failed, " $3 " skipped"; exit $2 != 0 }'
