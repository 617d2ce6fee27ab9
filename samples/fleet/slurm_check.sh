# An array over a list on the cluster of cluster.sh, whose node is killed while a task is in the middle of its work, and
# started again: slurm_check.sh LIST OUT, in cluster.sh. ETWKIT is a program that stops once (stuck.sh), in STUCK.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
list=$1 out=$2
FLEET=$here
export FLEET
wait_for() { # SECONDS COMMAND...
    for _ in $(seq $(($1 * 10))); do
        eval "$2" && return
        sleep 0.1
    done
    echo "slurm: waited in vain for: $2"
    squeue
    return 1
}
job=$(sbatch --parsable --array=1-8 --mem=0 --output="$CLUSTER/task.%a" "$here/slurm.sh" "$list" "$out")
wait_for 60 '[ -f "$STUCK/worker" ]'
sh "$CLUSTER/node.sh" kill
sleep 8 # Slurm takes a job that it started just now for one that is still to come
sh "$CLUSTER/node.sh" start
wait_for 300 '[ -z "$(squeue -h -j "$job")" ]'
grep -q 'missing from batch node' "$CLUSTER/slurmctld.log" || { echo "slurm: no task was lost"; exit 1; }
