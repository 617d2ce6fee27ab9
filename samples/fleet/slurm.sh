#!/bin/sh
#SBATCH --job-name=etwkit
#SBATCH --cpus-per-task=1
#SBATCH --mem=512M
#SBATCH --requeue
#SBATCH --open-mode=append
# A Slurm array. Many traces, each task its slice of a list with a trace a line:
#     sbatch --array=1-40 slurm.sh list.txt OUT
#     sbatch --dependency=afterany:JOB --wrap 'sh merge.sh OUT'
# One large trace, each task its part of the records; put together they are the whole:
#     sbatch --array=1-40 --export=ALL,SHARD=1 slurm.sh large.etl OUT
#     cat OUT/part-*.jsonl >large.jsonl
# FLEET names this folder (sbatch runs a copy of this file): export FLEET=/where/it/is
set -eu
given=$1 out=$2
task=$SLURM_ARRAY_TASK_ID tasks=${SLURM_ARRAY_TASK_MAX:-$SLURM_ARRAY_TASK_COUNT}
fleet=${FLEET:-$(cd "$(dirname "$0")" && pwd)}
mkdir -p "$out"

code=0
if [ -n "${SHARD:-}" ]; then
    "${ETWKIT:-etwkit}" convert "$given" --shard "$task/$tasks" -f "${FORMAT:-jsonl}" --quiet --force \
        -o "$out/part-$(printf %05d "$task").${FORMAT:-jsonl}" || code=$?
    [ $code = 3 ] && code=0
    [ $code = 1 ] && code=75 # the other parts can be read, or none can: three attempts tell
else
    awk -v i="$task" -v n="$tasks" 'NR % n == i % n' "$given" | OPTIONS="-j 1 ${OPTIONS:-}" sh "$fleet/task.sh" "$out" "task-$task" || code=$?
fi
if [ $code = 75 ] && [ "${SLURM_RESTART_COUNT:-0}" -lt 3 ]; then
    scontrol requeue "${SLURM_ARRAY_JOB_ID}_$task" && sleep 60 # Slurm ends this run of the task
fi
exit $code
