# Speed of this build beside the ceilings of this machine: `make bench`. Two builds beside each other: `make bench BASE=rev`.
#
# Real traces are used where they are at hand (ETWKIT_SHARED, default ../shared), generated ones always: BENCH_MIB (1024)
# MiB plain and as much compressed, and a quarter of that for SQLite and to compare memory. They are made once and kept
# under the build folder until what makes them changes.
#
# What is compared runs by turns (bench_run), and the fastest runs are compared: a busy machine then disturbs both sides
# least. Trust the ratios, not the digits, and less where "-" for the median says that there was one run. Files are
# written to a file system in memory, where there is one, and taken away at once.
set -eu
export LC_ALL=C
cd "$(dirname "$0")/.."
build=${BUILD:-build}
shared=${ETWKIT_SHARED:-../shared}
base=${1:-}
mib=${BENCH_MIB:-1024}
part=$(((mib + 3) / 4))
threads=$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)
[ "$threads" -gt 1 ] || threads=2
etwkit=$build/etwkit
work=$build/bench
scratch=$(mktemp -d "${TMPDIR:-/tmp}/etwkit-bench.XXXXXX")
out=$scratch
[ -d /dev/shm ] && [ -w /dev/shm ] && out=$(mktemp -d /dev/shm/etwkit-bench.XXXXXX)
old=$scratch/base

clean_up() {
    [ -d "$old" ] && git worktree remove --force "$old"
    rm -rf "$scratch" "$out"
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM
mkdir -p "$work"

# ---------------------------------------------------------------------------------------------- the generated traces

version=$(cat tests/gen_trace.c tests/etl_build.c tests/etl_fields.c parser/container/xpress_encode.c | cksum | cut -d ' ' -f 1)

generated() { # plain|xpress MIB: its path
    echo "$work/$1-$2-$version.etl"
}

make_traces() {
    for old_one in "$work"/*; do
        case $old_one in
        *-"$version".etl) ;;
        *.etl | *.part | *.db) rm -f "$old_one" ;;
        esac
    done
    for size in "$part" "$mib"; do
        for kind in plain xpress; do
            trace=$(generated $kind "$size")
            [ -s "$trace" ] && continue
            free=$(($(df -Pk "$work" | awk 'NR == 2 { print $4 }') / 1024))
            if [ "$free" -lt $((size + 256)) ]; then
                echo "$work has $free MiB free, the generated traces need more: BENCH_MIB=n makes smaller ones" >&2
                exit 1
            fi
            flag=
            [ $kind = plain ] || flag=--xpress
            "$build/gen_trace" "$size" $flag "$trace.part"
            mv "$trace.part" "$trace"
        done
    done
}

# ---------------------------------------------------------------------------------------------- measuring

tab=$(printf '\t')

job() { # NAME FILE COMMAND...: one of those that `measure` runs by turns
    (IFS=$tab && printf '%s\n' "$*") >>"$scratch/jobs"
}

measure() { # RUNS SECONDS
    "$build/bench_run" time "$1" "$2" <"$scratch/jobs" >>"$results"
    rm -f "$scratch/jobs"
}

field() { # NAME NUMBER [RESULTS]: of the fastest measurement of that name; nothing where it failed
    awk -F "$tab" -v name="$1" -v number="$2" '
        $1 == name && $2 == 0 && (least == "" || $3 < least) { least = $3; value = $number }
        END { print value }' "${3:-$results}"
}

wall() { field "$1" 3; }

ratio() { # A B
    awk -v a="$1" -v b="$2" 'BEGIN { if (a + 0 > 0 && b + 0 > 0) printf "%.2f", a / b }'
}

judge() { # VALUE le|ge LIMIT [UNIT]: the target, and whether it is met; nothing where there is no limit
    [ -n "$3" ] || return 0
    awk -v v="$1" -v sense="$2" -v limit="$3" -v unit="${4:-}" 'BEGIN {
        met = v == "" ? "not measured" : (sense == "le" ? v + 0 <= limit + 0 : v + 0 >= limit + 0) ? "met" : "**missed**"
        printf "%s %s%s: %s", sense == "le" ? "at most" : "at least", limit, unit, met }'
}

ms() { awk -v ns="$(wall "$1")" 'BEGIN { if (ns + 0 > 0) printf "%.2f", ns / 1e6 }'; }

each() { # NAME: ns an event
    awk -v ns="$(wall "$1")" -v events="$events" 'BEGIN { if (ns + 0 > 0) printf "%.1f", ns / events }'
}

table() {
    echo
    echo "| work | ms | median | CPU ms | ns/event | M events/s | MB/s | peak MiB | beside | target |"
    echo "|---|--:|--:|--:|--:|--:|--:|--:|---|---|"
}

row() { # TITLE NAME [BESIDE] [TARGET]
    line=$(awk -F "$tab" -v name="$2" '$1 == name && (least == "" || $3 < least) { least = $3; line = $0 }
                                       END { print line }' "$results")
    printf '%s\n' "$line" | awk -F "$tab" -v title="$1" -v beside="${3:-}" -v target="${4:-}" -v events="$events" \
        -v bytes="$bytes" '
        NF < 8 { next }
        $2 != 0 { printf "| %s | failed with exit code %d | | | | | | | | %s |\n", title, $2, target; next }
        { median = $8 > 1 ? sprintf("%.1f", $4 / 1e6) : "-"
          printf "| %s | %.1f | %s | %.1f | %.1f | %.2f | %.0f | %.0f | %s | %s |\n", title, $3 / 1e6, median, $5 / 1e6,
                 $3 / events, events / ($3 / 1e3), bytes / ($3 / 1e3), $6 / 1024, beside, target }'
}

times_row() { # TITLE NAME OTHER WORDS [LIMIT]: a row, and its time as a multiple of another's
    value=$(ratio "$(wall "$2")" "$(wall "$3")")
    row "$1" "$2" "$value x $4" "$(judge "$value" le "${5:-}")"
}

faster_row() { # TITLE NAME ONE [LIMIT]: a row on all threads, and how many times as fast as on one
    value=$(ratio "$(wall "$3")" "$(wall "$2")")
    row "$1" "$2" "$value x as fast as 1 thread" "$(judge "$value" ge "${4:-}")"
}

# ---------------------------------------------------------------------------------------------- filters of 1 %

# Options that keep about one event of a hundred, a word a line: an event id, a condition, and a stretch of time that
# begins in the middle. No words where a trace has no such class.
class_words() { # event_id|opcode
    "$build/bench_run" pick "$scratch/info.json" "$1" | tr '\t' '\n'
}

time_words() { # TRACE
    first=$((events / 2 + 1)) last=$((events / 2 + events / 100 + 1))
    "$etwkit" convert $common -j "$threads" -f jsonl "$1" 2>/dev/null | sed -n "${first}p;${last}{p;q;}" |
        sed 's/^{"record":[0-9]*,"timestamp":"\([^"]*\)Z".*/\1/' | awk '{ print NR == 1 ? "--since" : "--until"; print }'
}

filter_job() { # NAME TRACE: with the words in the file of that name
    filter=$1 filtered=$2
    set --
    while IFS= read -r word; do set -- "$@" "$word"; done <"$scratch/$filter"
    [ $# -gt 0 ] || return 0
    "$etwkit" convert $common -j "$threads" "$filtered" "$@" 2>/dev/null | wc -l | tr -d ' ' >"$scratch/$filter.kept"
    job "$filter" - "$etwkit" convert $common -j "$threads" "$filtered" "$@"
}

filter_row() { # NAME
    [ -s "$scratch/$1" ] || return 0
    words=$(tr '\n' ' ' <"$scratch/$1" | sed 's/[0-9a-f]*-[0-9a-f]*-[0-9a-f]*-[0-9a-f]*-[0-9a-f]*/GUID/; s/ $//')
    times_row "filter \`$words\`" "$1" info-n "info, $(cat "$scratch/$1.kept") of $events kept" 1.3
}

# ---------------------------------------------------------------------------------------------- one trace

common="--cache none --quiet --no-hash"

begin() { # ID LABEL TRACE: what follows is of this trace
    results=$scratch/$1.tsv
    : >"$results"
    bytes=$(wc -c <"$3")
    "$etwkit" info --json --no-hash --cache none "$3" >"$scratch/info.json" 2>/dev/null || true
    events=$(sed -n 's/.*"events":{"total":\([0-9]*\).*/\1/p' "$scratch/info.json")
    : "${events:?the trace cannot be read}"
    echo
    echo "**$2**: $events events, $bytes bytes"
}

# Limits that only some traces have; all others are without.
limits() { # NULL-NS JSONL-NS IS-PLAIN
    null_limit=$1 jsonl_limit=$2 cat_limit= hash_limit=
    if [ "$3" = plain ]; then cat_limit=3 hash_limit=1.3; fi
}

reading() { # TRACE RUNS SECONDS: what writes nothing
    class_words event_id >"$scratch/class"
    class_words opcode >"$scratch/where"
    time_words "$1" >"$scratch/time"
    job cat - cat "$1"
    job info-1 - "$etwkit" info $common -j 1 "$1"
    job info-n - "$etwkit" info $common -j "$threads" "$1"
    command -v openssl >/dev/null && job sha - openssl dgst -sha256 "$1"
    job info-hash - "$etwkit" info --cache none -q -j "$threads" "$1"
    job start - "$etwkit" --version
    job null-1 - "$etwkit" convert $common -j 1 -f null "$1"
    job null-n - "$etwkit" convert $common -j "$threads" -f null "$1"
    filter_job class "$1"
    filter_job where "$1"
    filter_job time "$1"
    measure "$2" "$3"
    row "cat FILE >/dev/null" cat
    times_row "info --no-hash, 1 thread" info-1 cat cat
    times_row "info --no-hash, $threads threads" info-n cat cat "$cat_limit"
    row "openssl dgst -sha256" sha
    times_row "info, $threads threads" info-hash sha openssl "$hash_limit"
    inside=$(awk -v a="$(wall null-1)" -v b="$(wall start)" -v n="$events" 'BEGIN { printf "%.1f", (a - b) / n }')
    row "decode only, 1 thread" null-1 "$inside ns without the program's own start" "$(judge "$(each null-1)" le "$null_limit" " ns")"
    faster_row "decode only, $threads threads" null-n null-1
    filter_row class
    filter_row where
    filter_row time
}

text() { # TRACE RUNS SECONDS: text to /dev/null
    for format in jsonl csv; do
        job $format-1 - "$etwkit" convert $common -j 1 -f $format "$1"
        job $format-n - "$etwkit" convert $common -j "$threads" -f $format "$1"
    done
    # What threads could give at most: as many runs of one thread side by side, which share nothing but the machine.
    job jsonl-beside - sh -c "for i in \$(seq $threads); do $etwkit convert $common -j 1 -f jsonl '$1' & done; wait"
    measure "$2" "$3"
    row "JSON Lines to /dev/null, 1 thread" jsonl-1 "" "$(judge "$(each jsonl-1)" le "$jsonl_limit" " ns")"
    row "$threads such runs side by side" jsonl-beside \
        "$(ratio "$(awk -v ns="$(wall jsonl-1)" -v n="$threads" 'BEGIN { print ns * n }')" "$(wall jsonl-beside)") x is the most threads can give here"
    faster_row "JSON Lines to /dev/null, $threads threads" jsonl-n jsonl-1 "${jsonl_limit:+1.8}"
    times_row "CSV to /dev/null, 1 thread" csv-1 jsonl-1 "JSON Lines" 1
    times_row "CSV to /dev/null, $threads threads" csv-n jsonl-n "JSON Lines" 1
}

text_files() { # TRACE RUNS SECONDS: text to a new file, whose pages the system has to make first
    made=$("$etwkit" convert $common -j "$threads" -f jsonl "$1" 2>/dev/null | wc -c | tr -d ' ')
    job write "$out/o" "$build/bench_floor" write "$made" "$out/o"
    for format in jsonl csv; do
        job $format-file-1 "$out/o" "$etwkit" convert $common -j 1 -f $format "$1" -o "$out/o"
        job $format-file-n "$out/o" "$etwkit" convert $common -j "$threads" -f $format "$1" -o "$out/o"
    done
    job jsonl-hash-1 "$out/o" "$etwkit" convert --cache none -q -j 1 -f jsonl "$1" -o "$out/o"
    measure "$2" "$3"
    row "$made bytes written, nothing else" write
    row "JSON Lines to a file, 1 thread" jsonl-file-1 "$(ratio "$(wall jsonl-file-1)" "$(wall write)") x writing it" \
        "$(judge "$(each jsonl-file-1)" le "$jsonl_limit" " ns")"
    row "the same with SHA-256 of the trace" jsonl-hash-1 "" "$(judge "$(each jsonl-hash-1)" le "$jsonl_limit" " ns")"
    faster_row "JSON Lines to a file, $threads threads" jsonl-file-n jsonl-file-1 "${jsonl_limit:+1.8}"
    times_row "CSV to a file, 1 thread" csv-file-1 jsonl-file-1 "JSON Lines" 1
    times_row "CSV to a file, $threads threads" csv-file-n jsonl-file-n "JSON Lines" 1
}

others() { # TRACE RUNS SECONDS: all other formats to a new file, beside JSON Lines
    formats="parquet timesketch l2tcsv text ecs otel etl pcapng folded speedscope perfetto"
    for format in $formats; do
        job $format-1 "$out/o" "$etwkit" convert $common -j 1 -f $format "$1" -o "$out/o"
    done
    measure "$2" "$3"
    for format in $formats; do
        "$etwkit" convert $common -j "$threads" -f $format "$1" -o "$out/o" || true
        size=$(wc -c <"$out/o" | tr -d ' ')
        rm -f "$out/o"
        limit=
        [ $format != parquet ] || limit=$jsonl_limit
        row "$format to a file, 1 thread" $format-1 \
            "$(ratio "$(wall $format-1)" "$(wall jsonl-file-1)") x JSON Lines, $(awk -v a="$size" -v b="$made" 'BEGIN { printf "%.3f", a / b }') of its bytes" \
            "$(judge "$(each $format-1)" le "$limit" " ns")"
    done
}

sqlite() { # TRACE RUNS: beside a bare loop that inserts the same rows
    "$etwkit" convert $common -f sqlite "$1" -o "$out/from.db" || true
    loop=
    for run in $(seq "$2"); do
        job sqlite-n "$out/o.db" "$etwkit" convert $common -j "$threads" -f sqlite "$1" -o "$out/o.db"
        measure 1 0
        took=$("$build/bench_floor" insert "$out/from.db" "$out/floor.db")
        rm -f "$out/floor.db"
        if [ -z "$loop" ] || [ "$took" -lt "$loop" ]; then loop=$took; fi
    done
    rm -f "$out/from.db"
    value=$(ratio "$loop" "$(each sqlite-n)")
    row "SQLite, $threads threads" sqlite-n "$value of a bare loop ($loop ns a row)" "$(judge "$value" ge 0.85)"
}

# All rules of others, where they are at hand. A trace of nothing but events that rules hit goes through Zircolite as
# well, where ZIRCOLITE names its zircolite.py and ETWKIT_PYTHON a Python that runs it.
detection() { # TRACE
    [ -d "$shared/sigma/rules" ] || return 0
    set -- "$1" $(for folder in "$shared"/sigma/rules*; do echo "--rules $folder"; done)
    trace_=$1
    shift
    detect="$etwkit detect $common -f jsonl -j 1 $*"
    job detect-start - $detect samples/tracelogging.etl
    job detect-1 - $detect "$trace_"
    measure 3 12
    value=$(awk -v a="$(wall detect-1)" -v s="$(wall detect-start)" -v b="$(wall null-1)" 'BEGIN { if (b + 0 > 0) printf "%.2f", (a - s) / b }')
    row "detect with the rules of SigmaHQ, 1 thread" detect-1 \
        "$value x decode only, without $(ms detect-start) ms for the rules" "$(judge "$value" le 1.5)"
}

beside_zircolite() {
    [ -d "$shared/sigma/regression" ] || return 0
    echo
    "${ETWKIT_PYTHON:-python3}" tests/sigma_bench.py "$etwkit" "$build/etl_make" "$scratch" "$shared/sigma" ${ZIRCOLITE:+"$ZIRCOLITE"}
}

inflate() { # TRACE [LIMIT]
    most=0
    for run in 1 2 3 4 5; do
        rate=$("$build/bench_floor" inflate "$1")
        most=$(awk -v a="$rate" -v b="$most" 'BEGIN { print (a + 0 > b + 0) ? a : b }')
    done
    verdict=$(judge "$most" ge "${2:-}" " GB/s")
    echo
    echo "XPRESS inflate, one core: $most GB/s out${verdict:+ ($verdict)}"
}

real() { # NAME NULL-NS JSONL-NS plain|xpress
    real_trace=$shared/corpus/perfview-$1.etl
    if [ ! -r "$real_trace" ]; then
        echo
        echo "perfview-$1: not at hand, passed over"
        return
    fi
    limits "$2" "$3" "$4"
    begin "$1" "perfview-$1" "$real_trace"
    table
    reading "$real_trace" 15 5
    text "$real_trace" 9 4
    text_files "$real_trace" 9 6
    others "$real_trace" 5 6
    sqlite "$real_trace" 3
    [ "$4" = plain ] || inflate "$real_trace" 1.5
}

big() { # plain|xpress: the whole trace; its text would be several GB; its database takes long, so one, and on disk
    trace=$(generated "$1" "$mib")
    limits "" "" "$1"
    begin "$1-big" "generated, $1, $mib MiB" "$trace"
    table
    reading "$trace" 3 12
    text "$trace" 2 12
    if [ "$1" = plain ]; then
        job sqlite-n "$work/o.db" "$etwkit" convert $common -j "$threads" -f sqlite "$trace" -o "$work/o.db"
        measure 1 0
        row "SQLite on disk, $threads threads" sqlite-n
        detection "$trace"
        beside_zircolite
    else
        inflate "$trace"
    fi
}

quarter() { # plain|xpress: SQLite beside its loop, and the memory that the big one's is compared with
    trace=$(generated "$1" "$part")
    limits "" "" "$1"
    begin "$1-part" "generated, $1, $part MiB" "$trace"
    table
    job info-1 - "$etwkit" info $common -j 1 "$trace"
    job info-n - "$etwkit" info $common -j "$threads" "$trace"
    measure 2 5
    text "$trace" 2 5
    sqlite "$trace" 2
}

# ---------------------------------------------------------------------------------------------- memory, start-up

memory_row() { # TITLE NAME THREADS
    limit=$((96 + 16 * $3))
    line="| $1 |" worst=0
    for id in plain-part plain-big xpress-part xpress-big; do
        kib=$(field "$2" 6 "$scratch/$id.tsv")
        if [ -n "$kib" ]; then line="$line $((kib / 1024)) |"; else line="$line - |"; fi
        [ "${kib:-0}" -le "$worst" ] || worst=$kib
    done
    echo "$line $(judge $(((worst + 1023) / 1024)) le $limit " MiB") |"
}

memory() {
    echo
    echo "**Peak memory**, MiB"
    echo
    echo "| work | plain, $part MiB | plain, $mib MiB | XPRESS, $part MiB | XPRESS, $mib MiB | target |"
    echo "|---|--:|--:|--:|--:|---|"
    memory_row "info, 1 thread" info-1 1
    memory_row "info, $threads threads" info-n "$threads"
    for format in jsonl csv; do
        case $format in jsonl) title="JSON Lines" ;; *) title=CSV ;; esac
        memory_row "$title, 1 thread" $format-1 1
        memory_row "$title, $threads threads" $format-n "$threads"
    done
    memory_row "SQLite, $threads threads" sqlite-n "$threads"
}

start_row() { # TITLE NAME [LIMIT]
    awk -F "$tab" -v title="$1" -v name="$2" -v target="$(judge "$(ms "$2")" le "${3:-}" " ms")" '$1 == name {
        printf "| %s | %.2f | %.2f | %.2f | %.0f | %s |\n", title, $3 / 1e6, $4 / 1e6, $5 / 1e6, $6 / 1024, target }' "$results"
}

start_up() {
    small=$shared/corpus/perfview-smallEtlFile.etl
    [ -r "$small" ] || small=$(ls -S samples/*.etl | tail -n 1)
    begin start "start-up, $(basename "$small")" "$small"
    echo
    echo "| work | ms | median | CPU ms | peak MiB | target |"
    echo "|---|--:|--:|--:|--:|---|"
    job true - true
    job version - "$etwkit" --version
    job info - "$etwkit" info $common "$small"
    job info-hash - "$etwkit" info --cache none -q "$small"
    job convert - "$etwkit" convert --cache none -q "$small"
    measure 200 4
    start_row "true: a process, nothing else" true
    start_row "etwkit --version: with its libraries" version
    start_row "info --no-hash" info 5
    start_row "info" info-hash 5
    start_row "convert" convert 5
}

# ---------------------------------------------------------------------------------------------- two builds

output_hash() { # PROGRAM FORMAT TRACE: of all that it gives
    case $2 in
    info) "$1" info --cache none --no-hash "$3" 2>/dev/null | cksum ;;
    sqlite)
        rm -f "$out/h.db"
        "$1" convert $common -f sqlite "$3" -o "$out/h.db" 2>/dev/null || true
        sqlite3 "$out/h.db" 'SELECT * FROM events' | cksum
        rm -f "$out/h.db"
        ;;
    *) "$1" convert $common -j "$threads" -f "$2" "$3" 2>/dev/null | cksum ;;
    esac
}

same_output() { # FORMAT TRACE
    [ "$1" != null ] || return 0
    if [ "$1" = sqlite ] && ! command -v sqlite3 >/dev/null; then
        echo "not compared: no sqlite3"
    elif [ "$(output_hash "$before" "$1" "$2")" = "$(output_hash "$etwkit" "$1" "$2")" ]; then
        echo "the same"
    else
        echo "**differs**"
    fi
}

pair() { # FORMAT THREADS TRACE RUNS SECONDS
    for side in before now; do
        exe=$etwkit
        [ $side = now ] || exe=$before
        case $1 in
        info) job "$1-$2-$side" - "$exe" info $common -j "$2" "$3" ;;
        sqlite) job "$1-$2-$side" "$out/o.db" "$exe" convert $common -j "$2" -f sqlite "$3" -o "$out/o.db" ;;
        *) job "$1-$2-$side" - "$exe" convert $common -j "$2" -f "$1" "$3" ;;
        esac
    done
    measure "$4" "$5"
    for side in before now; do
        for number in 3 4; do
            awk -v ns="$(field "$1-$2-$side" $number)" 'BEGIN { if (ns + 0 > 0) printf "%.1f | ", ns / 1e6; else printf "failed | " }'
        done
    done >"$scratch/cells"
    echo "| $1, -j $2 | $(cat "$scratch/cells")$(ratio "$(wall "$1-$2-now")" "$(wall "$1-$2-before")") | $same |"
}

compare() { # LABEL TRACE
    [ -r "$2" ] || return 0
    begin compare "$1" "$2"
    echo
    echo "| work | ms before | median | ms now | median | now / before | output |"
    echo "|---|--:|--:|--:|--:|--:|---|"
    for format in info null jsonl csv sqlite; do
        same=$(same_output $format "$2")
        [ $format = sqlite ] || pair $format 1 "$2" 15 4
        pair $format "$threads" "$2" 15 4
    done
}

compare_builds() {
    git worktree add -q --detach "$old" "$base"
    before=$scratch/build/etwkit
    make -s -C "$old" BUILD="$scratch/build" "$before" >/dev/null
    echo "$(git rev-parse --short "$base") beside the build in $build, pair by pair"
    for name in net45-x86 net452-x64; do
        compare "perfview-$name" "$shared/corpus/perfview-$name.etl"
    done
    for kind in plain xpress; do
        compare "generated, $kind, $part MiB" "$(generated $kind "$part")"
    done
}

# ---------------------------------------------------------------------------------------------- all of it

make_traces
if [ -n "$base" ]; then
    compare_builds
    exit 0
fi
echo "$(nproc) processors, $(uname -sm), $(${CC:-cc} --version | head -n 1); load before: $(uptime | sed 's/.*average[s]*: *//')"
real net45-x86 60 450 plain
real net452-x64 170 450 xpress
big plain
big xpress
quarter plain
quarter xpress
memory
start_up
