# A Slurm cluster of one node, this machine, for as long as a command runs: cluster.sh COMMAND...
#
# For trying slurm.sh where there is no cluster. Needs root, slurmctld, slurmd and munged (Debian: slurm-wlm, munge), and
# changes nothing outside a folder of its own. The command finds that folder in CLUSTER, and there node.sh: "sh
# $CLUSTER/node.sh start" starts the node, "kill" kills it with all that runs on it, as if its plug were pulled.
set -eu
PATH=$PATH:/usr/sbin:/sbin
for tool in slurmctld slurmd munged; do
    command -v $tool >/dev/null || { echo "cluster: $tool is not here"; exit 77; }
done
[ "$(id -u)" = 0 ] || { echo "cluster: only root can start one"; exit 77; }

dir=$(mktemp -d)
export CLUSTER="$dir" SLURM_CONF="$dir/slurm.conf"
node=$(hostname -s)
port=$((20000 + $$ % 20000))
chmod 711 "$dir"
mkdir "$dir/state" "$dir/spool"
end() {
    scancel --me 2>/dev/null || true
    sh "$dir/node.sh" kill 2>/dev/null || true
    for daemon in slurmctld munged; do
        pid=$(cat "$dir/$daemon.pid" 2>/dev/null) && kill "$pid" 2>/dev/null || continue
        for _ in $(seq 50); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
    done
    [ -n "${KEEP_CLUSTER:-}" ] || rm -rf "$dir" || true
}
trap end EXIT
trap 'exit 1' HUP INT TERM

cat >"$SLURM_CONF" <<CONF
ClusterName=check
SlurmctldHost=$node(127.0.0.1)
SlurmUser=root
SlurmctldPort=$port
SlurmdPort=$((port + 1))
AuthType=auth/munge
AuthInfo=socket=$dir/munge.socket,cred_expire=5
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
MessageTimeout=5
BatchStartTimeout=1
KillWait=2
SchedulerParameters=sched_interval=1,sched_min_interval=0,bf_interval=1
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
NodeName=$node NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=all Nodes=$node Default=YES MaxTime=INFINITE State=UP
CONF

# Every step of a job has a slurmstepd, which has our environment, and runs in a session of its own.
cat >"$dir/node.sh" <<'NODE'
case $1 in
start) slurmd ;;
kill)
    pid=$(cat "$CLUSTER/slurmd.pid" 2>/dev/null) && kill -9 "$pid" 2>/dev/null
    for stepd in $(ps -eo pid=,args= | awk '$2 == "slurmstepd:" {print $1}'); do
        grep -qz "^CLUSTER=$CLUSTER\$" "/proc/$stepd/environ" 2>/dev/null || continue
        for step in $(ps -o pid= --ppid "$stepd"); do
            session=$(ps -o sid= -p "$step" | tr -d ' ')
            kill -9 $(ps -o pid= -s "$session") 2>/dev/null
        done
        kill -9 "$stepd" 2>/dev/null
    done
    rm -f "$CLUSTER/slurmd.pid"
    ;;
esac
NODE

dd if=/dev/urandom of="$dir/munge.key" bs=128 count=1 2>/dev/null
chmod 600 "$dir/munge.key"
munged --force --key-file="$dir/munge.key" --socket="$dir/munge.socket" --pid-file="$dir/munged.pid" \
    --log-file="$dir/munged.log" --seed-file="$dir/munged.seed" 2>/dev/null
slurmctld
sh "$dir/node.sh" start
for _ in $(seq 100); do
    [ "$(sinfo -h -o %t 2>/dev/null)" = idle ] && break
    sleep 0.2
done
[ "$(sinfo -h -o %t 2>/dev/null)" = idle ] || { echo "cluster: it does not start"; tail -n 3 "$dir"/slurm*.log; exit 1; }
code=0
"$@" || code=$?
exit $code
