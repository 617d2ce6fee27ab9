# The core against the public files it is made from: an event built from what a file says of it (not from the core) must
# be decoded to its last byte by the core alone, with the same names of fields, in a trace of each build of Windows the
# file is of. What the files do not determine is counted by reason. Shares no code with make_core.py.
# usage: public_dumps.py ETWKIT ETL_MAKE REPNZ JDU2600 [BUILD...]; exit 1: an event came out otherwise
# REPNZ: clone of repnz/etw-providers-docs; JDU2600: clone of jdu2600/Windows10EtwEvents with its history
import collections
import json
import os
import re
import subprocess
import sys
import tempfile

BUILDS = {"1511": 10586, "1607": 14393, "1703": 15063, "1709": 16299, "1803": 17134, "1809": 17763, "1903": 18362,
          "1909": 18363, "2004": 19041, "2009": 19042, "21H1": 19043, "21H2": 22000, "22H2": 22621, "23H2": 22631,
          "24H2": 26100, "25H2": 26200, "26H1": 28000}
SIZES = {"Int8": 1, "UInt8": 1, "Int16": 2, "UInt16": 2, "Int32": 4, "UInt32": 4, "Int64": 8, "UInt64": 8, "Float": 4,
         "Double": 8, "Boolean": 4, "GUID": 16, "FILETIME": 8, "SYSTEMTIME": 16, "HexInt32": 4, "HexInt64": 8,
         "Pointer": 8}
IN_A_TRACE = 5000  # events: the program bounds what it keeps of all classes of a trace
NUMBERS = ["Null", "UnicodeString", "AnsiString", "Int8", "UInt8", "Int16", "UInt16", "Int32", "UInt32", "Int64",
           "UInt64", "Float", "Double", "Boolean", "Binary", "GUID", "Pointer", "FILETIME", "SYSTEMTIME", "SID",
           "HexInt32", "HexInt64"]  # TDH_INTYPE
SID = bytes([1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0])
Field = collections.namedtuple("Field", "name type length count")
Event = collections.namedtuple("Event", "provider id version opcode fields")


class Undetermined(Exception):
    pass


def git(repository, *arguments):
    done = subprocess.run(["git", "-C", repository, *arguments], capture_output=True, check=False)
    return done.stdout


def files(repository, commit, folder):
    rows = [r.split("\t") for r in git(repository, "ls-tree", "-r", commit, folder).decode().splitlines()]
    wanted = "\n".join(meta.split()[2] for meta, _ in rows).encode()
    blobs = subprocess.run(["git", "-C", repository, "cat-file", "--batch"], input=wanted, capture_output=True,
                           check=True).stdout
    at = 0
    while at < len(blobs):
        end = blobs.index(b"\n", at)
        size = int(blobs[at:end].split()[2])
        yield blobs[end + 1:end + 1 + size].decode("utf-8-sig", "replace")
        at = end + size + 2


# ------------------------------------------------------------------------------------------- the two sources

def attributes(text):
    return {k: v for k, v in re.findall(r'(\w+)="([^"]*)"', text)}


def manifests(repository):
    """{build: [Event]}, {name: {build: GUID}}"""
    found, guids = collections.defaultdict(list), {}
    for folder in git(repository, "ls-tree", "--name-only", "HEAD").decode().split():
        if not folder.startswith("Manifests-"):
            continue
        for text in files(repository, "HEAD", folder):
            head = re.search(r"<provider ([^>]*)>", text)
            if not head:
                continue
            provider = attributes(head[1])
            guid = provider["guid"].strip("{}").lower()
            guids.setdefault(provider["name"], {})[int(folder.rsplit("-", 1)[1])] = guid
            templates = {}
            for tid, body in re.findall(r'<template tid="([^"]*)"\s*>(.*?)</template>', text, re.S):
                data = [attributes(d) for d in re.findall(r"<data ([^>]*?)/?>", body)]
                templates[tid] = [Field(d["name"], d.get("inType", "").replace("win:", ""), d.get("length"),
                                        d.get("count")) for d in data]
            for event in map(attributes, re.findall(r"<event (value=[^>]*?)/?>", text)):
                opcode = re.fullmatch(r"opcode_(\d+)", event.get("opcode", ""))
                fields = templates.get(event.get("template"), []) if event.get("template") else []
                found[int(folder.rsplit("-", 1)[1])].append(
                    Event(guid, int(event["value"]), int(event.get("version", "0")),
                          int(opcode[1]) if opcode else 0, fields))
    return found, guids


def guid_of(guids, name, build):
    """In the newest manifest that is not newer; a name may have had another one before."""
    known = guids.get(name, {})
    older = [b for b in known if b <= build]
    return known[max(older) if older else min(known)] if known else None


def dumps(repository, guids, lost):
    """The same of the other source, whose lengths and counts are lost: those of the first are put in."""
    commits, found = {}, collections.defaultdict(list)
    for commit in git(repository, "log", "--format=%H").decode().split():
        words = git(repository, "show", commit + ":version.txt").decode("utf-8-sig", "replace").split()
        release = next((w for w in words if w in BUILDS), None)
        if release:
            commits.setdefault(BUILDS[release], commit)
    for build, commit in commits.items():
        for text in files(repository, commit, "manifest"):
            for line in text.splitlines()[1:]:
                cells = line.split("\t")
                if len(cells) < 4 or not cells[1].isdigit() or "(" not in cells[3]:
                    continue
                guid, number = guid_of(guids, cells[0], build), int(cells[1])
                inside = cells[3][cells[3].rindex("(") + 1:cells[3].rindex(")")]
                pairs = [item.split(" ", 1) for item in inside.split(", ") if " " in item]
                names = {name for _, name in pairs}
                fields = []
                for kind, name in pairs:
                    said = lost.get((guid, number, name, kind)) or lost.get((guid, name, kind), set())
                    length, count = next(iter(said)) if len(said) == 1 else ("?", "?") if said else (None, None)
                    known = {length, count} - {None} <= names
                    fields.append(Field(name, kind, length if known else "?", count if known else "?"))
                opcode = re.fullmatch(r"opcode_(\d+)", cells[4]) if len(cells) > 4 else None
                found[build].append(Event(guid, number, int(cells[2]), int(opcode[1]) if opcode else 0, fields))
    return found


# ------------------------------------------------------------------------------------------- events

def value(field, referred, unit_of_length):
    if field.type == "UnicodeString":
        return "abc".encode("utf-16-le")[:2 * unit_of_length] if unit_of_length else "abc\0".encode("utf-16-le")
    if field.type == "AnsiString":
        return b"abc"[:unit_of_length] if unit_of_length else b"abc\0"
    if field.type == "Binary":
        if not unit_of_length:
            raise Undetermined("a binary field without a length")
        return bytes(range(1, 1 + unit_of_length))
    if field.type == "SID":
        return SID
    if field.type not in SIZES:
        raise Undetermined("a structure, or a type that is none")
    if referred:
        return (2).to_bytes(SIZES[field.type], "little")
    return bytes(0x11 + i for i in range(SIZES[field.type]))


def first_members(event, varying):
    """Types that may be what the sources have in place of a structure's type: the index of its first member, which
    follows the last field, read as a type's number. Most single fields are texts, whose number is 1: they are structures
    where others of their name in the provider have other types."""
    count = len(event.fields)
    return [f for f in event.fields if f.type in NUMBERS and NUMBERS.index(f.type) == count
            and (count > 1 or (event.provider, f.name) in varying)]


def payload(event, varying):
    if first_members(event, varying):
        raise Undetermined("what may be a structure")
    names = [f.name for f in event.fields]
    referred = {f.length for f in event.fields} | {f.count for f in event.fields}
    out = b""
    for at, field in enumerate(event.fields):
        for reference in (field.length, field.count):
            if reference == "?":
                raise Undetermined("lengths that differ between builds")
            if reference and reference not in names[:at]:
                raise Undetermined("a length of a field that is not before it")
        before = names[at - 1] if at else ""
        if not field.length and not field.count and re.fullmatch(f"{re.escape(field.name)}_?Len(gth)?|.*Count", before):
            raise Undetermined("what may be counted by the field before it")
        one = value(field, field.name in referred, 2 if field.length else 0)
        out += one * (2 if field.count else 1)
    return out


def squeezed(name):
    return re.sub("[^A-Za-z0-9_]", "", name)


def names_of(fields):
    """As a record has them: unique."""
    out, times = [], collections.Counter()
    for f in fields:
        name = squeezed(f.name)
        times[name] += 1
        out.append(name if times[name] == 1 else f"{name}_{times[name]}")
    return out


def run(program, etl_make, build, events, folder):
    """[(event, record)]"""
    case, trace = os.path.join(folder, "t.case"), os.path.join(folder, "t.etl")
    os_version = "6.1" if build < 9200 else "10.0"
    with open(case, "w", encoding="utf-8") as out:
        out.write(f"trace os={os_version} build={build} buffer-size=65536\nbuffer\n")
        for event, bytes_of in events:
            out.write(f"event provider={{{event.provider}}} id={event.id} version={event.version} opcode={event.opcode}"
                      + (f" payload hex:{bytes_of.hex()}\n" if bytes_of else "\n"))
    subprocess.run([etl_make, case, trace], check=True)
    said = subprocess.run([program, "convert", trace, "--cache", "none", "-f", "jsonl", "-q"], capture_output=True,
                          check=False).stdout
    records = [json.loads(line) for line in said.decode("utf-8").splitlines()]
    assert len(records) == len(events) + 1, (len(records), len(events))
    return zip((event for event, _ in events), records[1:])


def same(field, referred, got):
    """Of texts and numbers. What stands for a number (a name, an address, a time) is not looked into."""
    if field.count:
        one = field._replace(count=None)
        return not isinstance(got, list) or (len(got) == 2 and all(same(one, referred, g) for g in got))
    if field.type in ("UnicodeString", "AnsiString"):
        return got == ("ab" if field.length else "abc")
    if field.type not in SIZES or SIZES[field.type] > 8 or field.type in ("Float", "Double", "Boolean", "FILETIME"):
        return True
    number = re.fullmatch(r"(0x[0-9A-Fa-f]+|\d+)", str(got))
    data = value(field, referred, 0)
    return not number or int(number[1], 0) in (int.from_bytes(data, "little"), int.from_bytes(data, "big"))


def unlike(event, rec):
    """What is wrong with the record; None: nothing."""
    if rec["state"] != "decoded":
        return rec["state"]
    if "schema_version" in rec:
        return "by another version"
    got, want = list(rec["data"]), names_of(event.fields)
    if [squeezed(g) for g in got] != want:
        return "other names"
    referred = {f.length for f in event.fields} | {f.count for f in event.fields}
    if not all(same(f, f.name in referred, g) for f, g in zip(event.fields, rec["data"].values())):
        return "other values"
    return None


def main():
    program, etl_make, repnz, jdu = sys.argv[1:5]
    only = {int(b) for b in sys.argv[5:]}
    first, guids = manifests(repnz)
    lost = collections.defaultdict(set)
    for events in first.values():
        for e in events:
            for f in e.fields:
                lost[e.provider, e.id, f.name, f.type].add((f.length, f.count))
                lost[e.provider, f.name, f.type].add((f.length, f.count))
    sources = [("manifests", first), ("dumps", dumps(jdu, guids, lost))]
    reasons, wrong, good, total = collections.Counter(), collections.Counter(), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for name, by_build in sources:
            for build, events in sorted(by_build.items()):
                if only and build not in only:
                    continue
                ready, before, types = [], good, collections.defaultdict(set)
                for e in events:
                    for f in e.fields:
                        types[e.provider, f.name].add(f.type)
                varying = {key for key, found in types.items() if len(found) > 1}
                for event in events:
                    total += 1
                    if event.provider is None:
                        reasons["no source has the provider's GUID"] += 1
                        continue
                    try:
                        ready.append((event, payload(event, varying)))
                    except Undetermined as why:
                        reasons[str(why)] += 1
                for event, rec in (pair for at in range(0, len(ready), IN_A_TRACE) for pair in
                                   run(program, etl_make, build, ready[at:at + IN_A_TRACE], folder)):
                    why = unlike(event, rec)
                    good += why is None
                    if why:
                        wrong[why] += 1
                        if os.environ.get("VERBOSE") or wrong[why] <= 5:
                            print(why, build, rec.get("provider"), event, json.dumps(rec.get("data"))[:300])
                print(f"{name} {build}: {len(events)} events, {len(ready)} determined, {good - before} as they are")
    print(f"{total} descriptions, {good} decoded to the last byte")
    for why, times in reasons.most_common():
        print(f"{times:8} not determined: {why}")
    for why, times in wrong.most_common():
        print(f"{times:8} otherwise: {why}")
    sys.exit(1 if wrong or not good else 0)


main()
