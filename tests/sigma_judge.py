"""Sigma rules as pySigma's SQLite backend understands them: sigma_judge.py ETWKIT ETL_MAKE FOLDER RULES... [--every N]

Of every N-th rule, events are made that it should hit, and others by changing those a little. Each event becomes a record
of a trace, with its fields as a description in the trace says, and a row of a table. The program and SQLite must agree on
every one of them. Says what differs; the last line counts. Exit code 77: pySigma is not installed.
"""

import json
import pathlib
import random
import re
import sqlite3
import subprocess
import sys
import uuid

try:
    import re._parser as sre
except ImportError:
    import sre_parse as sre

try:
    from sigma.backends.sqlite import sqliteBackend
    from sigma.collection import SigmaCollection
    from sigma.conditions import (ConditionAND, ConditionFieldEqualsValueExpression, ConditionNOT, ConditionOR)
    from sigma.exceptions import SigmaError
    from sigma.types import (SigmaBool, SigmaCIDRExpression, SigmaCompareExpression, SigmaExists, SigmaFieldReference,
                             SigmaNull, SigmaNumber, SigmaRegularExpression, SigmaString, SpecialChars)
except ImportError:
    sys.exit(77)

SYSMON = ("5770385f-c22a-43e0-bf4c-06f5698ffbd9", "Microsoft-Windows-Sysmon")
POWERSHELL = ("a0c1853b-5c40-4b15-8766-3cf1c58f985a", "Microsoft-Windows-PowerShell")
CATEGORIES = {
    "process_creation": (SYSMON, 1), "network_connection": (SYSMON, 3), "driver_load": (SYSMON, 6),
    "image_load": (SYSMON, 7), "create_remote_thread": (SYSMON, 8), "process_access": (SYSMON, 10),
    "file_event": (SYSMON, 11), "registry_add": (SYSMON, 12), "registry_delete": (SYSMON, 12),
    "registry_set": (SYSMON, 13), "registry_event": (SYSMON, 13), "create_stream_hash": (SYSMON, 15),
    "pipe_created": (SYSMON, 17), "wmi_event": (SYSMON, 19), "dns_query": (SYSMON, 22), "file_delete": (SYSMON, 23),
    "ps_script": (POWERSHELL, 4104), "ps_module": (POWERSHELL, 4103),
}
ENVELOPE = {"eventid", "provider_name", "channel", "computer", "computername", "source"}
POSITIVES, CHANGES = 4, 3


class Unfit(Exception):
    """A rule or an event that this generator cannot make."""


# ---------------------------------------------------------------------------------------------- texts that match

def word(chance):
    return "".join(chance.choice("kqvwxz") for _ in range(chance.randint(0, 4)))


def of_class(chance, items):
    """A character that a class of a regular expression has."""
    if items and items[0][0] == sre.NEGATE:
        inside = re.compile("[" + "".join(literal_of(i) for i in items[1:]) + "]")
        fits = [c for c in "aZ5_-. /%~" if not inside.match(c)]
        if not fits:
            raise Unfit
        return chance.choice(fits)
    what, value = chance.choice(items)
    if what == sre.LITERAL:
        return chr(value)
    if what == sre.RANGE:
        return chr(chance.randint(value[0], value[1]))
    return of_category(chance, value)


def literal_of(item):
    what, value = item
    if what == sre.LITERAL:
        return re.escape(chr(value))
    if what == sre.RANGE:
        return re.escape(chr(value[0])) + "-" + re.escape(chr(value[1]))
    return {sre.CATEGORY_DIGIT: r"\d", sre.CATEGORY_SPACE: r"\s", sre.CATEGORY_WORD: r"\w"}[value]


def of_category(chance, category):
    return {sre.CATEGORY_DIGIT: "7", sre.CATEGORY_SPACE: " ", sre.CATEGORY_WORD: "w", sre.CATEGORY_NOT_DIGIT: "x",
            sre.CATEGORY_NOT_SPACE: "x", sre.CATEGORY_NOT_WORD: " "}[category]


def of_regex(chance, parsed):
    out = []
    for what, value in parsed:
        if what == sre.LITERAL:
            out.append(chr(value))
        elif what == sre.NOT_LITERAL:
            out.append("x" if value != ord("x") else "y")
        elif what == sre.ANY:
            out.append("q")
        elif what == sre.IN:
            out.append(of_class(chance, value))
        elif what in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            least, most, inner = value
            for _ in range(chance.randint(least, min(most, least + 2))):
                out.append(of_regex(chance, inner))
        elif what == sre.SUBPATTERN:
            out.append(of_regex(chance, value[3]))
        elif what == sre.BRANCH:
            out.append(of_regex(chance, chance.choice(value[1])))
        elif what != sre.AT:
            raise Unfit
    return "".join(out)


def of_string(chance, value):
    """(text, is open before, is open behind)"""
    parts = value.s
    text = "".join(p if isinstance(p, str) else word(chance) if p == SpecialChars.WILDCARD_MULTI else "j" for p in parts)
    wild = SpecialChars.WILDCARD_MULTI
    return text, bool(parts) and parts[0] == wild, bool(parts) and parts[-1] == wild


def of_network(chance, value):
    network = value.network
    if network.version != 4:
        raise Unfit
    return str(network[chance.randrange(min(network.num_addresses, 1 << 16))])


def of_value(chance, value):
    if isinstance(value, SigmaString):
        return of_string(chance, value)
    if isinstance(value, SigmaNumber):
        return str(value.number), False, False
    if isinstance(value, SigmaRegularExpression):
        return of_regex(chance, sre.parse(str(value.regexp))), "^" not in str(value.regexp)[:1], True
    if isinstance(value, SigmaCIDRExpression):
        return of_network(chance, value), False, False
    if isinstance(value, SigmaCompareExpression):
        return str(value.number.number + chance.randint(-2, 2)), False, False
    if isinstance(value, SigmaBool):
        return ("true" if value.boolean else "false"), False, False
    raise Unfit


# ---------------------------------------------------------------------------------------------- events that match

def collect(chance, node, wanted, tests):
    """Chooses what has to be true for a condition to be: values by field, None for one that must be absent."""
    if isinstance(node, ConditionAND):
        for one in node.args:
            collect(chance, one, wanted, tests)
    elif isinstance(node, ConditionOR):
        collect(chance, chance.choice(node.args), wanted, tests)
    elif isinstance(node, ConditionNOT):
        pass
    elif isinstance(node, ConditionFieldEqualsValueExpression):
        add(chance, node, wanted)
    else:
        raise Unfit


def add(chance, node, wanted):
    if isinstance(node.value, (SigmaNull,)) or (isinstance(node.value, SigmaExists) and not bool(node.value)):
        wanted.setdefault(node.field, [])
    elif isinstance(node.value, SigmaExists):
        wanted.setdefault(node.field, []).append((word(chance), True, True))
    elif isinstance(node.value, SigmaFieldReference):
        wanted.setdefault(node.field, []).append(("same", False, False))
        wanted.setdefault(node.value.field, []).append(("same", False, False))
    else:
        wanted.setdefault(node.field, []).append(of_value(chance, node.value))


def joined(chance, texts):
    """One text that begins, goes on and ends as several want it to."""
    first = [t for t, before, _ in texts if not before][:1]
    last = [t for t, before, behind in texts if before and not behind][:1]
    middle = [t for t, before, behind in texts if before and behind]
    if first and any(not behind for t, before, behind in texts if not before):
        return first[0]
    return "".join(first + middle + ([word(chance)] if chance.random() < 0.5 else []) + last)


def fields_of(node, out):
    for one in getattr(node, "args", []):
        fields_of(one, out)
    if isinstance(node, ConditionFieldEqualsValueExpression):
        out.add(node.field)
        if isinstance(node.value, SigmaFieldReference):
            out.add(node.value.field)
    return out


def positive(chance, tree, fields):
    wanted = {}
    collect(chance, tree, wanted, None)
    event = {f: joined(chance, texts) for f, texts in wanted.items() if texts}
    for field in sorted(fields - set(wanted)):
        if chance.random() < 0.7:
            event[field] = chance.choice(["C:\\other\\thing.txt", "", "0", "unlike"])
    return event


def changed(chance, event):
    event = dict(event)
    if not event:
        return event
    field = chance.choice(sorted(event))
    text = event[field]
    how = chance.randrange(6)
    at = chance.randrange(len(text) + 1)
    if how == 0:
        del event[field]
    elif how == 1 and text not in ("true", "false"):
        event[field] = text.swapcase()
    elif how == 2:
        event[field] = text[:at] + "~" + text[at:]
    elif how == 3 and text:
        event[field] = text[:at] + text[at + 1:]
    elif how == 4:
        event[field] = chance.choice("-/") .join(text.split(chance.choice("-/")))
    else:
        event[field] = text + "~"
    return event


# ---------------------------------------------------------------------------------------------- both sides

def quoted(text):
    out = []
    for c in text:
        if c in "\\\"":
            out.append("\\" + c)
        elif c in "\n\t\r":
            out.append({"\n": "\\n", "\t": "\\t", "\r": "\\r"}[c])
        elif not " " <= c <= "~":
            raise Unfit
        else:
            out.append(c)
    return '"' + "".join(out) + '"'


def case_of(source, events):
    lines = ["trace buffer-size=65536", "buffer"]
    for version, event in enumerate(events):
        head = f"provider={source[0][0]} id={event['EventID']} version={version} channel=8"
        names = sorted(k for k in event if k.lower() not in ENVELOPE)
        fields = "; ".join("wstr " + n for n in names)
        lines.append(f'tdh-schema {head} provider-name={quoted(source[0][1])} fields={{{fields}}}')
        lines.append(f"event {head} payload " + " ".join("wstr:" + quoted(event[n]) for n in names))
    return "\n".join(lines) + "\n"


def by_program(etwkit, etl_make, folder, rule, source, events):
    case, trace = folder / "rule.case", folder / "rule.etl"
    case.write_text(case_of(source, events))
    subprocess.run([etl_make, str(case), str(trace)], check=True)
    ran = subprocess.run([etwkit, "convert", "--cache", "none", "-q", str(trace)], check=True, capture_output=True)
    numbers = {}
    for line in ran.stdout.splitlines():
        record = json.loads(line)
        if record.get("provider_id") == source[0][0]:
            numbers[record["record"]] = record["version"]
    ran = subprocess.run([etwkit, "detect", "--cache", "none", "-q", "-f", "jsonl", "--rules", str(rule), str(trace)],
                         check=True, capture_output=True)
    return {numbers[json.loads(line)["record"]] for line in ran.stdout.splitlines()}


def by_sqlite(query, fields, events):
    db = sqlite3.connect(":memory:")
    db.create_function("REGEXP", 2, lambda pattern, text: text is not None and re.search(pattern, str(text)) is not None)
    columns = sorted({f for e in events for f in e} | fields | {"EventID", "Provider_Name"}, key=str.lower)
    columns = [c for i, c in enumerate(columns) if not i or c.lower() != columns[i - 1].lower()]
    names = ",".join('"' + c.replace('"', '""') + '" NUMERIC' for c in columns)
    db.execute(f"CREATE TABLE logs(n INTEGER PRIMARY KEY,{names})")
    for n, event in enumerate(events):
        by_name = {k.lower(): v for k, v in event.items()}
        row = [by_name.get(c.lower()) for c in columns]
        db.execute(f"INSERT INTO logs VALUES({n}" + ",?" * len(columns) + ")", row)
    return {row[0] for row in db.execute(query)}


# ---------------------------------------------------------------------------------------------- rules

def service_names(root):
    text = (root / "parser/detect/views.def").read_text()
    return dict(reversed(re.findall(r'^SERVICE\((\S+), "(.+)"\)', text, re.M)))


def source_of(rule, services):
    logsource = rule.logsource
    if logsource.category in CATEGORIES:
        return CATEGORIES[logsource.category]
    if logsource.service in services:
        name = services[logsource.service]
        return ((str(uuid.uuid5(uuid.NAMESPACE_DNS, name)), name), 1)
    raise Unfit


def envelope(event, source):
    """What every event has besides its payload."""
    for name in [k for k in event if k.lower() in ENVELOPE and k.lower() != "eventid"]:
        del event[name]
    number = next((event.pop(k) for k in list(event) if k.lower() == "eventid"), str(source[1]))
    if not re.fullmatch("[0-9]{1,5}", number) or int(number) > 65535:
        number = str(source[1])
    if source[0] == SYSMON or source[0] == POWERSHELL:
        number = str(source[1])
    event["EventID"], event["Provider_Name"] = number, source[0][1]
    return event


def events_of(chance, tree, source):
    fields, events = fields_of(tree, set()), []
    if any(f is None for f in fields) or {f.lower() for f in fields} & (ENVELOPE - {"eventid", "provider_name"}):
        raise Unfit
    for _ in range(POSITIVES):
        event = positive(chance, tree, fields)
        for one in [event] + [changed(chance, event) for _ in range(CHANGES)]:
            events.append(envelope(dict(one), source))
    return fields, events


def judge_rule(args, rule_file, services, counts):
    collection = SigmaCollection.from_yaml(rule_file.read_text())
    rule = collection.rules[0]
    source = source_of(rule, services)
    query = sqliteBackend(collate_nocase=True).convert(collection)[0]
    tree = rule.detection.parsed_condition[0].parsed
    fields, events = events_of(random.Random(str(rule.id)), tree, source)
    expected = by_sqlite(query, fields, events)
    found = by_program(args[0], args[1], pathlib.Path(args[2]), rule_file, source, events)
    counts["rules"] += 1
    counts["events"] += len(events)
    counts["hits"] += len(expected)
    counts["with_hits"] += bool(expected)
    for n in sorted(expected ^ found):
        counts["differ"] += 1
        print(f"{rule_file.name}: pySigma {n in expected}, etwkit {n in found}: {events[n]}")


def main():
    args = sys.argv[1:]
    every = 1
    if "--every" in args:
        at = args.index("--every")
        every = int(args[at + 1])
        del args[at:at + 2]
    files = sorted(f for root in args[3:] for f in pathlib.Path(root).rglob("*.yml"))[::every]
    services = service_names(pathlib.Path(__file__).resolve().parent.parent)
    counts = dict.fromkeys(("rules", "events", "hits", "with_hits", "differ", "left_out"), 0)
    for rule_file in files:
        try:
            judge_rule(args, rule_file, services, counts)
        except (Unfit, SigmaError, NotImplementedError, OverflowError, KeyError):
            counts["left_out"] += 1
    print(" ".join(f"{name}={count}" for name, count in counts.items()))
    return 1 if counts["differ"] else 0


sys.exit(main())
