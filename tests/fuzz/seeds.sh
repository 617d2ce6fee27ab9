# seeds.sh FOLDER: what the target `session` begins with, made by our generator from the cases and samples: each with
# another format, every third with the one before it as a second trace.
set -eu
folder=$1 build=${BUILD:-build} most=12000
make --no-print-directory BUILD="$build" "$build/etl_make"
mkdir -p "$folder"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
: >"$work/before"
number=0
put() { # format, 256ths of the first, files
    out=$folder/seed-$number
    printf "\\$(printf %03o "$1")\\$(printf %03o "$2")" >"$out"
    shift 2
    cat "$@" >>"$out"
}
for case in tests/cases/*.case samples/*.case; do
    "$build/etl_make" "$case" "$work/trace" 2>/dev/null || continue
    bytes=$(wc -c <"$work/trace") before=$(wc -c <"$work/before")
    [ "$bytes" -le $most ] || continue
    if [ $((number % 3)) = 2 ]; then
        put $((number % 16)) $((before * 256 / (before + bytes) - 1)) "$work/before" "$work/trace"
    else
        put $((number % 16)) 255 "$work/trace"
    fi
    mv "$work/trace" "$work/before"
    number=$((number + 1))
done
