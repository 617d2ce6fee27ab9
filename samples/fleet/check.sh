# Each recipe of this folder whose scheduler is here, over COUNT small traces of which a few are damaged, one is missing
# and one is no trace: the same records as one plain run, though a worker is killed. check.sh BUILD [COUNT [FOLDER]]
#
# The traces are made, or are those of FOLDER with at most 4 MiB, as often as it takes, no two alike. Schedulers that are
# not here are passed over, and said. Where no Slurm controller answers, one is started (cluster.sh).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd) count=${2:-40} real=${3:-}
work=$(mktemp -d)
started=""
# shellcheck disable=SC2086
trap 'kill $started 2>/dev/null || true; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
failed=0
export ETWKIT="$build/etwkit" HOME="$work"

refuse() {
    echo "fleet: $*"
    failed=1
}

# The same trace as the I-th of its kind: another byte where its first buffer is not in use. FROM I TO
vary() {
    size=$(od -An -tu4 -N4 "$1" | tr -d ' ') used=$(od -An -tu4 -j4 -N4 "$1" | tr -d ' ')
    [ "$size" -gt $((used + 2)) ] && [ "$(($(wc -c <"$1")))" -ge "$size" ] || return 1
    cp "$1" "$3"
    printf "\\$(printf %03o $(($2 / 256)))\\$(printf %03o $(($2 % 256)))" |
        dd of="$3" bs=1 seek=$((size - 2)) conv=notrunc 2>/dev/null
}

real_traces() {
    i=1
    while [ "$i" -le "$count" ]; do
        before=$i
        for trace in $(find "$real" -name '*.etl' -size -4097k | sort); do
            [ "$i" -le "$count" ] || break
            vary "$trace" "$i" "$work/in/$i.etl" && i=$((i + 1))
        done
        [ "$i" -gt "$before" ] || { echo "fleet: no trace in $real can be used"; exit 1; }
    done
}

# No two alike: each has a session name of its own.
made_traces() {
    for i in $(seq "$count"); do
        sample=$(case $((i % 8)) in 0) echo damaged ;; 1 | 2) echo dns ;; *) echo service ;; esac)
        sed "s/session=\"/&n$i-/" "$here/../$sample.case" >"$work/one.case"
        "$build/etl_make" "$work/one.case" "$work/in/$i.etl"
    done
}

make_traces() {
    mkdir "$work/in"
    if [ -n "$real" ]; then real_traces; else made_traces; fi
    echo "no trace at all" >"$work/in/notes.etl"
    find "$work/in" -name '*.etl' | sort >"$work/list.txt"
    echo "$work/in/missing.etl" >>"$work/list.txt"
}

records() { # of a folder of outputs, each without what the run says of it
    find "$1" -name '*.jsonl' ! -path '*/summaries/*' ! -path '*/.etwkit/*' -exec cat {} + |
        jq -c 'del(.source)' | sort | sha256sum
}

same() { # what, folder
    [ "$(records "$2")" = "$(cat "$work/wanted")" ] || refuse "$1: other records than one plain run has"
    sh "$here/merge.sh" "$2" >"$work/sum" 2>"$work/not" && refuse "$1: nothing is said to be unread"
    grep -q "^$((count + 2)) traces, $count done, $damaged of them damaged\$" "$work/sum" || refuse "$1: $(cat "$work/sum")"
    [ "$(wc -l <"$work/not")" = 2 ] || refuse "$1: $(cat "$work/not")"
    echo "fleet: $1: $(cat "$work/sum")"
}

# The program for workers of which one is killed. NAME
stuck() {
    mkdir "$work/stuck-$1"
    printf '#!/bin/sh\nSTUCK=%s REAL=%s exec sh %s "$@"\n' "$work/stuck-$1" "$ETWKIT" "$here/stuck.sh" >"$work/stuck-$1/etwkit"
    chmod +x "$work/stuck-$1/etwkit"
}

make_traces
"$ETWKIT" convert --files-from "$work/list.txt" -f jsonl -o "$work/plain/" --quiet --summary "$work/plain.summary" 2>/dev/null || true
records "$work/plain" >"$work/wanted"
damaged=$(grep -c '"status":"damaged"' "$work/plain.summary" || true)
[ -n "$real" ] || [ "$damaged" = $((count / 8)) ] || refuse "$damaged of $count traces are damaged"

# ---------------------------------------------------------------------------------------------- a task

sh "$here/task.sh" "$work/task" all <"$work/list.txt" 2>/dev/null || refuse "task: $?"
same task "$work/task"
sh "$here/task.sh" "$work/task" all <"$work/list.txt" 2>/dev/null || refuse "task, once more: $?"
same "task, once more" "$work/task"
OPTIONS=--nonsense sh "$here/task.sh" "$work/bad" all <"$work/list.txt" 2>/dev/null && refuse "a wrong option is no failure"

# ---------------------------------------------------------------------------------------------- GNU parallel

if command -v parallel >/dev/null; then
    sh "$here/parallel.sh" "$work/list.txt" "$work/parallel" >/dev/null 2>&1 || [ $? = 4 ] || refuse "parallel failed"
    same parallel "$work/parallel"
else
    echo "fleet: GNU parallel is not here"
fi

# ---------------------------------------------------------------------------------------------- Snakemake

if command -v snakemake >/dev/null; then
    (cd "$work" && snakemake -q -c 2 -s "$here/Snakefile" --config "list=$work/list.txt" "out=$work/snake" parts=4 "etwkit=$ETWKIT") \
        >"$work/log" 2>&1 || refuse "snakemake: $(tail -n 5 "$work/log")"
    same snakemake "$work/snake"
    (cd "$work" && snakemake -q -c 2 -s "$here/Snakefile" --config "large=$here/../merged.etl" "out=$work/shards" parts=5 \
        "etwkit=$ETWKIT") >"$work/log" 2>&1 || refuse "snakemake, shards: $(tail -n 5 "$work/log")"
    "$ETWKIT" convert "$here/../merged.etl" --quiet -o "$work/whole.jsonl"
    cmp "$work/whole.jsonl" "$work/shards/large.jsonl" || refuse "snakemake: shards are not the whole"
else
    echo "fleet: Snakemake is not here"
fi

# ---------------------------------------------------------------------------------------------- Slurm

slurm_env() { # the task of an array, as Slurm would run it
    SLURM_ARRAY_TASK_ID=$1 SLURM_ARRAY_TASK_MAX=$2 SLURM_ARRAY_JOB_ID=1 FLEET=$here sh "$here/slurm.sh" "$3" "$4"
}
for task in 1 2 3; do
    slurm_env $task 3 "$work/list.txt" "$work/slurm" 2>/dev/null || refuse "slurm, task $task: $?"
    SHARD=1 slurm_env $task 3 "$here/../merged.etl" "$work/slurm-shards" || refuse "slurm, shard $task: $?"
done
same slurm "$work/slurm"
"$ETWKIT" convert "$here/../merged.etl" --quiet -o "$work/one.jsonl"
cat "$work"/slurm-shards/part-*.jsonl | cmp - "$work/one.jsonl" || refuse "slurm: shards are not the whole"
if command -v sbatch >/dev/null && sinfo >/dev/null 2>&1; then
    FLEET=$here sbatch --quiet --wait --array=1-4 --output="$work/slurm.%a" "$here/slurm.sh" "$work/list.txt" "$work/cluster" ||
        refuse "sbatch: $?"
    same sbatch "$work/cluster"
else
    code=0
    stuck slurm
    STUCK="$work/stuck-slurm" ETWKIT="$work/stuck-slurm/etwkit" sh "$here/cluster.sh" sh "$here/slurm_check.sh" "$work/list.txt" "$work/cluster" >"$work/log" 2>&1 || code=$?
    case $code in
    0) same "Slurm, its node killed once" "$work/cluster" ;;
    77) echo "fleet: $(cat "$work/log"); the script was run as Slurm runs it" ;;
    *) refuse "Slurm: $(cat "$work/log")" ;;
    esac
fi

# ---------------------------------------------------------------------------------------------- OpenRelik

python=${PYTHON:-python3}
if command -v redis-server >/dev/null && "$python" -c 'import celery, redis, openrelik_worker_common' 2>/dev/null; then
    port=$((20000 + $$ % 20000))
    redis-server --port $port --save '' --dir "$work" >/dev/null &
    started="$started $!"
    mkdir -p "$work/worker/src"
    cp "$here/openrelik/app.py" "$here/openrelik/tasks.py" "$work/worker/src/"
    : >"$work/worker/src/__init__.py"
    export REDIS_URL=redis://127.0.0.1:$port/0
    stuck relik
    (cd "$work/worker" && ETWKIT="$work/stuck-relik/etwkit" exec "$python" -m celery --app=src.tasks worker --concurrency=2 -Q openrelik-worker-etwkit -l ERROR) >"$work/log" 2>&1 &
    worker=$!
    started="$started $worker"
    # One of the two is killed over its work; its task is done by another.
    (until [ -f "$work/stuck-relik/worker" ]; do
         kill -0 $worker || exit 0
         sleep 0.1
     done
     kill -9 "$(cat "$work/stuck-relik/worker")") &
    (cd "$work/worker" && PYTHONPATH=. "$python" "$here/openrelik/check.py" "$work/list.txt" "$work/relik") || refuse "openrelik: $(tail -n 5 "$work/log")"
    grep -q SIGKILL "$work/log" || refuse "openrelik: no worker was killed: $(cat "$work/log")"
    [ "$(records "$work/relik/results")" = "$(cat "$work/wanted")" ] || refuse "openrelik: other records than one plain run has"
    echo "fleet: OpenRelik, a worker killed once: $(find "$work/relik/results" -name '*.jsonl' | wc -l) outputs"
else
    echo "fleet: Redis, Celery or openrelik-worker-common are not here"
fi

# ---------------------------------------------------------------------------------------------- Velociraptor

if "$python" -c 'import yaml' 2>/dev/null; then
    "$python" -c 'import sys, yaml
artifact = yaml.safe_load(open(sys.argv[1]))
assert artifact["type"] == "SERVER" and artifact["sources"][0]["query"].count("(") == artifact["sources"][0]["query"].count(")")' \
        "$here/Server.Etwkit.Convert.yaml" || refuse "the Velociraptor artifact is no YAML"
fi

[ $failed = 0 ] && echo "fleet: the same records everywhere"
exit $failed
