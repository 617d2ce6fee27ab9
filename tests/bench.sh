# Speed of this build beside the ceilings of this machine, taken in the same run: `make bench`, `make bench BASE=rev`.
#
# Real traces are used where they are at hand (ETWKIT_SHARED, default ../shared), generated ones always; those are made
# once and kept under the build folder. Every figure is the best of several runs with a warm page cache, so that a busy
# machine disturbs least; trust the ratios, not the digits.
set -eu
cd "$(dirname "$0")/.."
build=${BUILD:-build}
shared=${ETWKIT_SHARED:-../shared}
base=${1:-}
mib=${BENCH_MIB:-256}
work=$build/bench
scratch=$(mktemp -d "${TMPDIR:-/tmp}/etwkit-bench.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
[ -d /dev/shm ] && scratch_out=$(mktemp -d /dev/shm/etwkit-bench.XXXXXX) && trap 'rm -rf "$scratch" "$scratch_out"' EXIT
out=${scratch_out:-$scratch}
mkdir -p "$work"

make_trace() { # FILE MIB FLAGS
    [ -s "$1" ] || "$build/gen_trace" "$2" $3 "$1"
}

now() { date +%s%N; }

# best RUNS COMMAND...: nanoseconds of the fastest run
best() {
    runs=$1
    shift
    least=
    for i in $(seq "$runs"); do
        start=$(now)
        "$@" >/dev/null 2>&1 || true
        took=$(($(now) - start))
        if [ -z "$least" ] || [ "$took" -lt "$least" ]; then least=$took; fi
    done
    echo "$least"
}

peak() { # peak resident KiB of a command
    /usr/bin/env python3 - "$@" 2>/dev/null <<'PY' || echo 0
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
PY
}

row() { # NAME NS EVENTS BYTES CEILING
    awk -v name="$1" -v ns="$2" -v ev="$3" -v by="$4" -v top="$5" 'BEGIN {
        printf "| %-34s | %9.1f | %8.0f | %8.2f | %8.0f | %s |\n", name, ns / 1e6, ns / (ev ? ev : 1), ev / (ns / 1e3), by / (ns / 1e3), top }'
}

ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / (b ? b : 1) }'; }

measure() { # LABEL TRACE RUNS PROGRAM
    label=$1 trace=$2 runs=$3 exe=$4
    bytes=$(wc -c <"$trace")
    events=$("$exe" info --json --no-hash --cache none "$trace" 2>/dev/null | sed 's/.*"events":{"total":\([0-9]*\).*/\1/')
    common="--cache none --quiet"
    echo
    echo "**$label**: $events events, $bytes bytes"
    echo
    echo "| work | ms | ns/event | M events/s | MB/s | beside |"
    echo "|---|---|---|---|---|---|"
    cat_ns=$(best "$runs" cat "$trace")
    row "cat FILE >/dev/null" "$cat_ns" "$events" "$bytes" "the ceiling of reading"
    ns=$(best "$runs" "$exe" info $common --no-hash -j2 "$trace")
    info_ns=$ns
    row "info --no-hash" "$ns" "$events" "$bytes" "$(ratio "$ns" "$cat_ns") x cat"
    if command -v openssl >/dev/null; then
        sha=$(best "$runs" openssl dgst -sha256 "$trace")
        ns=$(best "$runs" "$exe" info $common -j2 "$trace")
        row "info" "$ns" "$events" "$bytes" "$(ratio "$ns" "$sha") x openssl dgst -sha256"
    fi
    ns=$(best "$runs" "$exe" convert $common --no-hash -j1 -f null "$trace")
    row "decode only, 1 thread" "$ns" "$events" "$bytes" ""
    one=$(best "$runs" "$exe" convert $common --no-hash -j1 "$trace" -f jsonl -o "$out/o.jsonl")
    row "JSON Lines, 1 thread" "$one" "$events" "$bytes" "$(wc -c <"$out/o.jsonl") bytes out"
    ns=$(best "$runs" "$exe" convert $common --no-hash -j2 "$trace" -f jsonl -o "$out/o.jsonl")
    row "JSON Lines, 2 threads" "$ns" "$events" "$bytes" "$(ratio "$one" "$ns") x one thread"
    ns=$(best "$runs" "$exe" convert $common --no-hash -j1 "$trace" -f csv -o "$out/o.csv")
    row "CSV, 1 thread" "$ns" "$events" "$bytes" "$(ratio "$ns" "$one") x JSON Lines"
    rm -f "$out"/o.*
    ns=$(best "$runs" "$exe" convert $common --no-hash -j2 "$trace" -f sqlite -o "$out/o.db")
    floor=$("$build/bench_floor" insert "$out/o.db" "$out/floor.db")
    row "SQLite, 2 threads" "$ns" "$events" "$bytes" "bare insert loop: $floor ns a row, $(ratio "$((floor * events))" "$ns") of it"
    rm -f "$out"/*.db
    ns=$(best "$runs" "$exe" convert $common --no-hash -j2 --event-id 3000-3010 "$trace" -f jsonl -o "$out/o.jsonl")
    row "filter: --event-id 3000-3010" "$ns" "$events" "$bytes" "$(ratio "$ns" "$info_ns") x info, $(wc -l <"$out/o.jsonl") records kept"
    kib=$(peak "$exe" convert $common --no-hash -j2 "$trace" -f jsonl -o "$out/o.jsonl")
    echo
    echo "peak memory of JSON Lines on 2 threads: $((kib / 1024)) MiB"
    rm -f "$out"/o.*
}

compare() { # OLD NEW TRACE: pairs of runs, one of each in turn
    for format in null jsonl csv; do
        old= new=
        for i in 1 2 3 4 5; do
            a=$(best 1 "$1" convert --cache none -q --no-hash -j1 -f $format "$3" -o "$out/a")
            b=$(best 1 "$2" convert --cache none -q --no-hash -j1 -f $format "$3" -o "$out/b")
            if [ -z "$old" ] || [ "$a" -lt "$old" ]; then old=$a; fi
            if [ -z "$new" ] || [ "$b" -lt "$new" ]; then new=$b; fi
        done
        same=same
        cmp -s "$out/a" "$out/b" || same="OUTPUT DIFFERS"
        [ $format = null ] && same=-
        echo "$(basename "$3") $format: $((old / 1000)) us before, $((new / 1000)) us now, $(ratio "$new" "$old") ($same)"
        rm -f "$out/a" "$out/b"
    done
}

make_trace "$work/plain-$mib.etl" "$mib" ""
make_trace "$work/packed-64.etl" 64 --xpress

if [ -n "$base" ]; then
    old=$scratch/base
    git worktree add -q --detach "$old" "$base"
    trap 'git worktree remove --force "$old" 2>/dev/null; rm -rf "$scratch" ${scratch_out:+"$scratch_out"}' EXIT
    make -s -C "$old" BUILD="$scratch/build" "$scratch/build/etwkit" >/dev/null
    for trace in "$work/plain-$mib.etl" "$shared/corpus/perfview-net45-x86.etl" "$shared/corpus/perfview-net452-x64.etl"; do
        [ -r "$trace" ] && compare "$scratch/build/etwkit" "$build/etwkit" "$trace"
    done
    exit 0
fi

echo "$(nproc) processors, $(uname -sm), $(${CC:-cc} --version | head -n 1)"
for name in perfview-net45-x86 perfview-net452-x64; do
    trace=$shared/corpus/$name.etl
    if [ -r "$trace" ]; then measure "$name" "$trace" 7 "$build/etwkit"; else echo "$name: not at hand, passed over"; fi
done
measure "generated, plain, $mib MiB" "$work/plain-$mib.etl" 3 "$build/etwkit"
measure "generated, XPRESS, 64 MiB inflated" "$work/packed-64.etl" 3 "$build/etwkit"
echo
echo "XPRESS inflate, one core: $("$build/bench_floor" inflate "$work/packed-64.etl") GB/s out (generated)"
if [ -r "$shared/corpus/perfview-net452-x64.etl" ]; then
    echo "XPRESS inflate, one core: $("$build/bench_floor" inflate "$shared/corpus/perfview-net452-x64.etl") GB/s out (net452-x64)"
fi
small=samples/dns.etl
ns=$(best 20 "$build/etwkit" convert --cache none -q --no-hash "$small")
echo "start-up: $((ns / 1000)) us for $(wc -c <$small) bytes, process start included"
