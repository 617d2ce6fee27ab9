#!/bin/sh
# GNU parallel: parallel.sh LIST OUT [parallel's options, such as --sshloginfile hosts]. LIST has a trace a line.
#
# Fifty traces a task, each on one thread, as many tasks as processors; a task that ends with 75 is tried three times.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
list=$1 out=$2
shift 2
mkdir -p "$out"
OPTIONS="-j 1 ${OPTIONS:-}" parallel "$@" --env OPTIONS,ETWKIT,FORMAT --joblog "$out/tasks.log" --retries 3 --pipepart -a "$list" \
    --block -10 --recend '\n' "sh $here/task.sh $out part-{#}" || echo "some tasks failed for good: $out/tasks.log" >&2
sh "$here/merge.sh" "$out"
