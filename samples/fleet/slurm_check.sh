# An array over a list on the cluster of cluster.sh, whose node is killed over its first work and started again:
# slurm_check.sh LIST OUT, in cluster.sh.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
list=$1 out=$2
FLEET=$here
export FLEET
job=$(sbatch --parsable --array=1-8 --mem=0 --output="$CLUSTER/task.%a" "$here/slurm.sh" "$list" "$out")
for _ in $(seq 600); do
    ls "$out"/*.* >/dev/null 2>&1 && break
    sleep 0.05
done
running=$(squeue -h -j "$job" -t running -o %i | wc -l)
sh "$CLUSTER/node.sh" kill
[ "$running" -gt 0 ] || { echo "slurm: nothing ran when the node was killed"; exit 1; }
sleep 1
sh "$CLUSTER/node.sh" start
for _ in $(seq 300); do
    [ -n "$(squeue -h -j "$job" 2>/dev/null)" ] || break
    sleep 1
done
left=$(squeue -h -j "$job" | wc -l)
[ "$left" = 0 ] || { echo "slurm: $left tasks do not end"; squeue; exit 1; }
grep -Eq 'Requeuing|requeue|Requeue' "$CLUSTER/slurmctld.log" || { echo "slurm: no task was done again"; exit 1; }
