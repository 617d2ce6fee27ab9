# Several traces at once on four threads: info, every format, the report, with the same bytes as on one thread. Mostly
# for a build with ThreadSanitizer, which ends the program with an exit code of its own. sh tests/threads.sh BUILD
set -eu
cd "$(dirname "$0")/.."
build=${1:-build}
etwkit=${ETWKIT:-$build/etwkit}
work=$(mktemp -d "${TMPDIR:-/tmp}/etwkit-threads.XXXXXX")
trap 'rm -rf "$work"' EXIT
"$build/gen_trace" 3 "$work/plain.etl"
"$build/gen_trace" 2 --xpress "$work/packed.etl"
cp samples/*.etl "$work"
cd "$work"
export XDG_CACHE_HOME="$work"
case $etwkit in
/*) ;;
*) etwkit=$OLDPWD/$etwkit ;;
esac

run() { # THREADS NAME ARGUMENTS...: stdout in NAME.THREADS; the samples have damage, so that 3 is fine
    threads=$1
    name=$2
    shift 2
    code=0
    "$etwkit" "$@" -j "$threads" >"$name.$threads" 2>"$name.err" || code=$?
    if [ $code != 3 ] || grep -q Sanitizer "$name.err"; then
        echo "$* -j $threads: exit code $code"
        cat "$name.err"
        exit 1
    fi
}

same() { # NAME ARGUMENTS...
    run 1 "$@"
    run 4 "$@"
    cmp "$1.1" "$1.4"
}

same info info ./*.etl
same json info --json ./*.etl
for format in jsonl json csv timesketch l2tcsv null; do
    same $format convert -f $format ./*.etl
done
same where convert ./*.etl --where "process_name like 's%' or event_id in (3006, 3008)"
same frames convert ./*.etl --frames --since 2024-05-01T10:00:00.5 --until 2024-05-01T10:00:01
run 4 sqlite convert ./*.etl --provenance -o all.db
# The command line is part of the report.
run 1 report report --json ./*.etl
run 4 report report --json ./*.etl
sed 's/"-j","1"/"-j","4"/' report.1 | cmp - report.4
