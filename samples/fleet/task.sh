#!/bin/sh
# A part of many traces, as a scheduler's task: task.sh OUT NAME, the traces one a line on standard input.
#
# Every trace gets an output in OUT/, the task a summary in OUT/summaries/NAME.jsonl. What is done already is left out,
# so that a task can be run again at any time. Exit codes are a scheduler's:
#   0   everything was tried that makes sense; what is damaged (3) or cannot be read (4) is in the summary for good
#   75  try again: a disk, the memory or the space failed, the traces may be as good as ever (EX_TEMPFAIL)
#   2   the command line is wrong: no use in trying again
# ETWKIT names the program, FORMAT the format (jsonl), OPTIONS more options.
set -eu
out=$1
summary=$out/summaries/$2.jsonl
mkdir -p "$out/summaries"

code=0
# shellcheck disable=SC2086 # OPTIONS are words
"${ETWKIT:-etwkit}" convert --files-from - -f "${FORMAT:-jsonl}" -o "$out/" --skip-done --summary "$summary.new" --quiet \
    --force ${OPTIONS:-} || code=$?
[ ! -f "$summary.new" ] || mv "$summary.new" "$summary"
case $code in
0 | 3) exit 0 ;;
2) exit 2 ;;
1 | 4) ;;
*) exit 75 ;; # killed
esac
[ -f "$summary" ] || exit 75
if grep -Eq '"reason":"(io|memory|space)"|"status":"not_reached"' "$summary"; then
    exit 75
fi
