"""Sends each trace of a list to the worker, as OpenRelik does: check.py LIST OUT, in the folder that has src/."""

import base64
import json
import os
import sys

from src.tasks import convert

names = [line.rstrip("\n") for line in open(sys.argv[1], encoding="utf-8")]
results = os.path.join(sys.argv[2], "results")  # a worker that was killed may have left others
os.makedirs(results, exist_ok=True)
sent = [
    convert.apply_async(
        queue="openrelik-worker-etwkit",
        kwargs={
            "input_files": [{"id": i, "path": name, "display_name": os.path.basename(name), "mime_type": "", "data_type": ""}],
            "output_path": sys.argv[2],
            "workflow_id": "1",
        },
    )
    for i, name in enumerate(names)
]
unread = 0
for task in sent:
    result = json.loads(base64.b64decode(task.get(timeout=120)))
    unread += sum("error" in row for row in result["meta"]["summary"])
    for output in result["output_files"]:
        os.rename(output["path"], os.path.join(results, os.path.basename(output["path"]) + ".jsonl"))
if unread != 2:
    sys.exit(f"{unread} inputs could not be read, not 2")
