# run.sh SECONDS NAME...: builds fuzz targets with clang and runs each on its corpus, SECONDS in all. What they find new
# stays in BUILD/fuzz/found/NAME; a crash is written to BUILD/fuzz/crash-NAME-..., and belongs into tests/corpus/NAME
# under a name that says what it is, with the fix.
set -eu
seconds=$1
shift
build=${BUILD:-build}/fuzz
sanitize="-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer"
programs=""
for name in "$@"; do
    if [ ! -f "tests/fuzz/fuzz_$name.c" ]; then
        echo "fuzz: no target '$name'; there are:" $(ls tests/fuzz/fuzz_*.c | sed 's/.*fuzz_\(.*\)\.c/\1/' | grep -vE '^(build|support)$')
        exit 2
    fi
    programs="$programs $build/fuzz_$name"
done
make --no-print-directory CC=clang BUILD="$build" FLAGS="-O1 -g1 -fsanitize=fuzzer-no-link $sanitize" $programs
share=$((seconds / $#))
[ $share -gt 0 ] || share=1
for name in "$@"; do
    mkdir -p "$build/found/$name" "tests/corpus/$name"
    leaks="" # inputs that look like disk images: libtsk does not give back what it began with
    [ "$name" != session ] || leaks=-detect_leaks=0
    [ "$name" != session ] || BUILD="${BUILD:-build}" sh tests/fuzz/seeds.sh "$build/found/$name"
    log=$build/$name.log
    code=0
    "$build/fuzz_$name" -max_total_time="$share" -max_len=24000 -rss_limit_mb=2000 -timeout=20 -print_final_stats=1 $leaks \
        -artifact_prefix="$build/crash-$name-" "$build/found/$name" "tests/corpus/$name" >"$log" 2>&1 || code=$?
    echo "fuzz $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs in $share s"
    if [ $code != 0 ]; then
        tail -n 60 "$log"
        exit $code
    fi
done
