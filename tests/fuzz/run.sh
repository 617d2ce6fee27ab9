# run.sh NAME SECONDS: builds one fuzz target with clang and runs it on its corpus. What it finds new stays in
# BUILD/fuzz/found/NAME; a crash is written to BUILD/fuzz/crash-NAME-…, and belongs into tests/corpus/NAME under a name
# that says what it is, with the fix.
set -eu
name=$1
seconds=${2:-60}
build=${BUILD:-build}/fuzz
sanitize="-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer"
if [ ! -f "tests/fuzz/fuzz_$name.c" ]; then
    echo "fuzz: no target $name; there are:" $(ls tests/fuzz/fuzz_*.c | sed 's/.*fuzz_\(.*\)\.c/\1/' | grep -vE '^(build|support)$')
    exit 2
fi
make --no-print-directory CC=clang BUILD="$build" FLAGS="-O1 -g -fsanitize=fuzzer-no-link $sanitize" \
    "$build/fuzz_$name"
mkdir -p "$build/found/$name" "tests/corpus/$name"
leaks="" # inputs that look like disk images: libtsk does not give back what it began with
[ "$name" != session ] || leaks=-detect_leaks=0
[ "$name" != session ] || BUILD="${BUILD:-build}" sh tests/fuzz/seeds.sh "$build/found/$name"
exec "$build/fuzz_$name" -max_total_time="$seconds" -max_len=24000 -rss_limit_mb=2000 -timeout=20 -print_final_stats=1 $leaks \
    -artifact_prefix="$build/crash-$name-" "$build/found/$name" "tests/corpus/$name"
