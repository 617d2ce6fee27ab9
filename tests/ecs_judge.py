# Whether the fields of the `ecs` format are those of the Elastic Common Schema, with their types, by the schema that its
# project publishes. usage: ecs_judge.py SCHEMA ETWKIT TRACE...; SCHEMA is the folder that has csv/fields.csv and
# ecs/ecs_flat.yml ("generated" of github.com/elastic/ecs). What is below `winlog` is Winlogbeat's, and not looked at.
# 77: SCHEMA is not there.
import csv
import datetime
import ipaddress
import json
import os
import subprocess
import sys

EACH = 300  # records of a kind that are looked at


def read_schema(folder):
    with open(os.path.join(folder, "csv", "fields.csv"), encoding="utf-8", newline="") as file:
        return {row["Field"]: (row["Type"], row["Normalization"] == "array") for row in csv.DictReader(file)}


# Which types an event of a category may have: lines of ecs_flat.yml below event.category.
def read_categories(folder):
    expected, inside, types = {}, False, []
    with open(os.path.join(folder, "ecs", "ecs_flat.yml"), encoding="utf-8") as file:
        for line in file:
            if line[:1].strip():
                inside = line.startswith("event.category:")
            if inside and line.startswith("    - ") and not line.startswith("    - name"):
                types.append(line[6:].strip())
            elif inside and "expected_event_types:" in line:
                types = []
            elif inside and line.startswith("    name: "):
                expected[line.split(":")[1].strip()] = set(types)
                types = []
    assert len(expected) > 15, "categories were not found in ecs_flat.yml"
    return expected


def is_date(value):
    datetime.datetime.strptime(value[:19] + value[-1], "%Y-%m-%dT%H:%M:%SZ")
    return True


TESTS = {
    "keyword": lambda v: isinstance(v, str),
    "wildcard": lambda v: isinstance(v, str),
    "match_only_text": lambda v: isinstance(v, str),
    "constant_keyword": lambda v: isinstance(v, str),
    "ip": lambda v: bool(ipaddress.ip_address(v)),
    "long": lambda v: isinstance(v, int) and not isinstance(v, bool) and -(2**63) <= v < 2**63,
    "date": is_date,
    "object": lambda v: isinstance(v, dict),
    "nested": lambda v: isinstance(v, dict),
}


def check(schema, path, value, seen):
    kind, is_array = schema.get(path, (None, False))
    if is_array != isinstance(value, list) and kind:
        raise ValueError(f"{path} is {'an' if is_array else 'no'} array in the schema")
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, dict):
            if not one:
                raise ValueError(f"{path} is empty")
            for name, member in one.items():
                check(schema, f"{path}.{name}" if path else name, member, seen)
        elif kind is None:
            raise ValueError(f"{path} is not in the schema")
        elif not TESTS[kind](one):
            raise ValueError(f"{path} is no {kind}: {one!r}")
        else:
            seen.add(path)


def judge(schema, categories, record, seen):
    record = {name: value for name, value in record.items() if name != "winlog"}
    check(schema, "", record, seen)
    event = record["event"]
    for category in event.get("category", []):
        if not set(event["type"]) <= categories[category]:
            raise ValueError(f"a {category} event is not expected to be {event['type']}")


def objects(pairs):
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise ValueError(f"a name twice: {names}")
    return dict(pairs)


def main(folder, program, *traces):
    if not os.path.exists(os.path.join(folder, "csv", "fields.csv")):
        sys.exit(77)
    schema, categories, seen, looked_at = read_schema(folder), read_categories(folder), set(), 0
    for trace in traces:
        counts = {}
        run = subprocess.Popen([program, "convert", trace, "-q", "--no-hash", "-f", "ecs"], stdout=subprocess.PIPE)
        for line in run.stdout:
            record = json.loads(line, object_pairs_hook=objects)
            event = record["event"]
            kind = (event["code"], event.get("provider"), event.get("action"), str(event.get("category")))
            counts[kind] = counts.get(kind, 0) + 1
            if counts[kind] > EACH:
                continue
            looked_at += 1
            try:
                judge(schema, categories, record, seen)
            except (ValueError, KeyError) as wrong:
                sys.exit(f"{trace}, record {event['sequence']}: {wrong}\n{line.decode()[:2000]}")
        run.wait()
    print(f"{looked_at} records, {len(seen)} fields: {' '.join(sorted(seen))}")


main(*sys.argv[1:])
