# Runs test programs one after the other; the last line sums them up, and BUILD/results/NAME.tsv keeps the sums
# (NAME: check, or what RESULTS says).
#
# Programs are cmocka's, or scripts (NAME.sh, run with BUILD as argument), each of which is one test: exit code 77 says
# skipped. A test that is skipped says why ("skipped: REASON", a script in any last line), or counts as failed.
set -u
passed=0
failed=0
skipped=0
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

for program in "$@"; do
    case $program in
    *.sh) run_script "$program" ;;
    *) run_cmocka "$program" ;;
    esac
    [ "$f" = 0 ] || printf '%s\n' "$log" | grep -vE '^\[( RUN|       OK)' | tail -n 60
    note=""
    [ "$s" = 0 ] || note=", $s skipped"
    [ "$f" = 0 ] || note="$note, $f FAILED"
    printf '%-34s %4d passed%s\n' "$(basename "$program")" "$p" "$note"
    [ -z "$why" ] || printf '%s\n' "$why" | sed 's/^/    skipped: /'
    passed=$((passed + p))
    failed=$((failed + f))
    skipped=$((skipped + s))
done
printf '%d\t%d\t%d\n' "$passed" "$failed" "$skipped" >"$build/results/${RESULTS:-check}.tsv"
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
