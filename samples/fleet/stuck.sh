# The program as a worker has it that is killed in the middle of its work: the first call stops, and is over when whoever
# called it is; all others go on as ever. STUCK is a folder, whose file `worker` then says whom to kill; REAL names the
# program.
mkdir "$STUCK/first" 2>/dev/null || exec "$REAL" "$@"
exec 3<&0
"$REAL" "$@" <&3 &
real=$!
sleep 0.01
kill -STOP $real 2>/dev/null
echo $PPID >"$STUCK/worker.new"
mv "$STUCK/worker.new" "$STUCK/worker"
while kill -0 $PPID 2>/dev/null; do sleep 0.1; done
kill -KILL $real 2>/dev/null
