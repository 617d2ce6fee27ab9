# Runs test programs one after the other; the last line sums them up, and BUILD/results.tsv keeps the sums.
set -u
passed=0
failed=0
skipped=0
for program in "$@"; do
    log=$("$program" 2>&1)
    code=$?
    p=$(printf '%s\n' "$log" | grep -c '^\[       OK \]')
    # cmocka lists failed and skipped tests once more at the end.
    f=$(printf '%s\n' "$log" | grep '^\[  FAILED  \] [^0-9]' | sort -u | wc -l)
    s=$(printf '%s\n' "$log" | grep '^\[  SKIPPED \] [^0-9]' | sort -u | wc -l)
    if [ $code != 0 ]; then
        printf '%s\n' "$log" | grep -vE '^\[( RUN|       OK)' | tail -n 60
        [ "$f" = 0 ] && f=1
    fi
    note=""
    [ "$s" != 0 ] && note=", $s skipped"
    [ "$f" != 0 ] && note="$note, $f FAILED"
    printf '%-34s %4d passed%s\n' "$(basename "$program")" "$p" "$note"
    passed=$((passed + p))
    failed=$((failed + f))
    skipped=$((skipped + s))
done
printf '%d\t%d\t%d\n' "$passed" "$failed" "$skipped" >"${BUILD:-build}/results.tsv"
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
