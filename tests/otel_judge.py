# Whether the `otel` format is OTLP by the schema that OpenTelemetry publishes (the `opentelemetry-proto` package), read
# strictly: no field that the schema does not know, no attribute twice. usage: otel_judge.py ETWKIT TRACE...;
# 77: the package is not installed.
import json
import subprocess
import sys

try:
    from google.protobuf import json_format
    from opentelemetry.proto.logs.v1 import logs_pb2
except ImportError:
    sys.exit(77)

EACH = 300  # records of a kind that are looked at


# Of the attributes of a record, or the members of a struct.
def check_names(pairs):
    names = [pair.key for pair in pairs]
    if len(set(names)) != len(names):
        raise ValueError(f"a name twice: {sorted(name for name in names if names.count(name) > 1)}")
    for pair in pairs:
        if pair.value.HasField("kvlist_value"):
            check_names(pair.value.kvlist_value.values)


def judge(line):
    data = json_format.Parse(line, logs_pb2.LogsData())
    (resource,) = data.resource_logs
    (scope,) = resource.scope_logs
    (record,) = scope.log_records
    if not 0 <= record.severity_number <= 24 or not record.event_name:
        raise ValueError("no severity or name")
    check_names(resource.resource.attributes)
    check_names(record.attributes)
    names = {pair.key for pair in record.attributes}
    if not {"etw.provider.id", "etw.event.id", "etw.version", "etw.level", "etw.opcode", "etw.keywords"} <= names:
        raise ValueError(f"not all attributes of the specification's appendix: {names}")


def main(program, *traces):
    looked_at = 0
    for trace in traces:
        counts = {}
        run = subprocess.Popen([program, "convert", trace, "-q", "--no-hash", "-f", "otel"], stdout=subprocess.PIPE)
        for number, line in enumerate(run.stdout, 1):
            scope = json.loads(line)["resourceLogs"][0]["scopeLogs"][0]
            kind = (scope["scope"].get("name"), scope["logRecords"][0]["eventName"])
            counts[kind] = counts.get(kind, 0) + 1
            if counts[kind] > EACH:
                continue
            looked_at += 1
            try:
                judge(line)
            except (ValueError, json_format.ParseError) as wrong:
                sys.exit(f"{trace}, record {number}: {wrong}\n{line.decode()[:2000]}")
        run.wait()
    print(f"{looked_at} records")


main(*sys.argv[1:])
