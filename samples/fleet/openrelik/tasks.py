"""OpenRelik worker: Windows event traces to JSON Lines, CSV, SQLite or a timeline, by etwkit."""

import json
import os
import subprocess

from openrelik_worker_common.file_utils import create_output_file
from openrelik_worker_common.task_utils import create_task_result, get_input_files

from .app import celery

TASK_NAME = "openrelik-worker-etwkit.tasks.convert"
FORMATS = {"jsonl": "jsonl", "csv": "csv", "sqlite": "db", "timesketch": "timesketch.jsonl", "l2tcsv": "l2t.csv"}
RETRIED = {"io", "memory", "space"}
TASK_METADATA = {
    "display_name": "etwkit: Windows event traces",
    "description": "Decodes event traces (.etl), also in archives and disk images",
    "task_config": [
        {
            "name": "format",
            "label": "Format",
            "description": "jsonl, csv, sqlite, timesketch or l2tcsv; jsonl where it is left empty",
            "type": "text",
            "required": False,
        },
        {
            "name": "where",
            "label": "Only records for which",
            "description": "An expression, such as event_id = 3006 and data.QueryName like \"*.example.com\"",
            "type": "text",
            "required": False,
        },
    ],
}
COMPATIBLE_INPUTS = {
    "data_types": [],
    "mime_types": [],
    "filenames": ["*.etl", "*.zip", "*.7z", "*.tar", "*.gz", "*.cab", "*.E01", "*.raw", "*.dd"],
}


class TryAgain(Exception):
    """A disk, the memory or the space failed: the input may be as good as ever."""


def convert_file(path, output, form, where):
    """The row of each trace in the input, and the command that was run; raises TryAgain."""
    summary = output + ".summary"
    command = [os.getenv("ETWKIT", "etwkit"), "convert", path, "-f", form, "-o", output, "-j", "1", "--quiet"]
    command += ["--cache", "none", "--summary", summary] + (["--where", where] if where else [])
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    rows = []
    if os.path.exists(summary):
        with open(summary, encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines]
        os.remove(summary)
    if done.returncode < 0 or any(row.get("reason") in RETRIED for row in rows):
        raise TryAgain(done.stderr.strip())
    if done.returncode not in (0, 1, 3, 4) or not rows:
        raise RuntimeError(done.stderr.strip())
    return rows, command


@celery.task(
    bind=True, name=TASK_NAME, metadata=TASK_METADATA, autoretry_for=(TryAgain,), max_retries=3, retry_backoff=True
)
def convert(self, pipe_result=None, input_files=None, output_path=None, workflow_id=None, task_config=None):
    """Converts each input by itself; what is damaged or cannot be read is in the result's meta, and fails nothing."""
    config = task_config or {}
    form = (config.get("format") or "jsonl").strip()
    if form not in FORMATS:
        raise ValueError(f"format: '{form}' is none of {', '.join(FORMATS)}")
    outputs, summary, command = [], [], []
    for given in get_input_files(pipe_result, input_files or [], filter=COMPATIBLE_INPUTS):
        output = create_output_file(
            output_path,
            display_name=given.get("display_name"),
            extension=FORMATS[form],
            data_type=f"etwkit:{form}",
            source_file_id=given.get("id"),
        )
        rows, command = convert_file(given.get("path"), output.path, form, config.get("where"))
        summary += rows
        if os.path.exists(output.path):
            outputs.append(output.to_dict())
    return create_task_result(
        output_files=outputs, workflow_id=workflow_id, command=" ".join(command), meta={"summary": summary}
    )
