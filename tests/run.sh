# Runs test programs one after the other; the last line sums them up.
set -u
passed=0
failed=0
skipped=0
for program in "$@"; do
    log=$("$program" 2>&1)
    code=$?
    p=$(printf '%s\n' "$log" | grep -c '^\[       OK \]')
    f=$(printf '%s\n' "$log" | grep -c '^\[  FAILED  \] [^0-9]')
    s=$(printf '%s\n' "$log" | grep -c '^\[  SKIPPED \] [^0-9]')
    if [ $code != 0 ]; then
        printf '%s\n' "$log" | grep -vE '^\[( RUN|       OK)' | tail -n 60
        [ "$f" = 0 ] && f=1
    fi
    printf '%-34s %4d passed%s%s\n' "$(basename "$program")" "$p" "$([ "$s" != 0 ] && echo ", $s skipped")" \
        "$([ "$f" != 0 ] && echo ", $f FAILED")"
    passed=$((passed + p))
    failed=$((failed + f))
    skipped=$((skipped + s))
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
