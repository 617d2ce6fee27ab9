#!/usr/bin/env python3
"""Writes the text of the core: what public sources know of the providers Windows registers.

    make_core.py REPNZ JDU2600 | pack_core.py >core.pack

REPNZ is a clone of repnz/etw-providers-docs (manifests of Windows 7 and three builds of Windows 10), JDU2600 one of
jdu2600/Windows10EtwEvents (dumps of 17 builds, one commit a build; the whole history is needed). Both are read through
git, bare or not. What no dump says is in supplement.txt in this folder, in the form of the text itself, which
core_text.h describes. The same inputs give the same bytes.

Both sources come from one reader of the system's own descriptions, which loses things:

- Only top-level fields are there. A structure's type is the index of its first member instead: a number that is no
  type, or the name of one. Such fields are found by that (Fields.is_structure) and written as bytes of unknown size.
- Lengths and counts that are numbers are lost everywhere; those that are fields are lost in JDU2600.
- Blanks and other signs in names of fields, tasks, opcodes and keywords are gone, out types too.
- JDU2600 has names of tasks, opcodes and keywords, but no numbers, and no GUIDs.

A description is a provider, an id, a version and its fields by name and type. What one source or build says of a field
(its length, count, map, out type) goes to other builds and versions of the same event where name, type and the field
referred to are the same and all that is said agrees; a length or count also to other events of the provider. Bytes of
unknown size behind an integer that is called after them (AddressLength, ConnectionIdSize) have as many as that says: a
payload shows whether it is so, as it must then fit to its last byte. Nothing else is inferred: what remains unsaid stays
unsaid.
"""

import collections
import hashlib
import os
import re
import subprocess
import sys
import uuid

# Releases as version.txt of JDU2600 calls them. Three are builds that share their files with an older one.
RELEASES = {
    "1511": 10586, "1607": 14393, "1703": 15063, "1709": 16299, "1803": 17134, "1809": 17763, "1903": 18362,
    "1909": 18363, "2004": 19041, "2009": 19042, "21H1": 19043, "21H2": 22000, "22H2": 22621, "23H2": 22631,
    "24H2": 26100, "25H2": 26200, "26H1": 28000,
}  # fmt: skip

# TDH_INTYPE: its name in the sources, the word of schema_layout.h.
TYPES = [
    ("Null", None), ("UnicodeString", "wstr"), ("AnsiString", "astr"), ("Int8", "i8"), ("UInt8", "u8"),
    ("Int16", "i16"), ("UInt16", "u16"), ("Int32", "i32"), ("UInt32", "u32"), ("Int64", "i64"), ("UInt64", "u64"),
    ("Float", "f32"), ("Double", "f64"), ("Boolean", "bool"), ("Binary", "bytes"), ("GUID", "guid"),
    ("Pointer", "ptr"), ("FILETIME", "time"), ("SYSTEMTIME", "systime"), ("SID", "sid"), ("HexInt32", "hex32"),
    ("HexInt64", "hex64"), ("CountedUtf16String", "cwstr"), ("CountedMbcsString", "castr"), ("Struct", None),
    ("CountedBinary", "cbytes"),
]  # fmt: skip
NUMBERS = {name: number for number, (name, _) in enumerate(TYPES)}
WORDS = {word: number for number, (_, word) in enumerate(TYPES) if word}
# Words that name an in type together with an out type.
SHORT_WORDS = {
    "x8": "u8", "x16": "u16", "x32": "u32", "x64": "u64", "bool8": "u8", "ipv4": "u32", "ipv6": "bytes",
    "port": "u16", "sockaddr": "bytes", "size_t": "ptr", "wmitime": "u64",
}  # fmt: skip
STRUCTURE = 24
STRUCTURES = {}  # those that are the same in all providers: name of the field -> its text in a layout
EVERYWHERE = {}  # events that are the same in all providers: what dumps have of them -> layout
COUNTED_BINARY = 25  # the last number that is a type
BINARY = NUMBERS["Binary"]
LEVELS = {"Always": 0, "LogAlways": 0, "Critical": 1, "Error": 2, "Warning": 3, "Informational": 4, "Verbose": 5}
OPCODES = {
    "Info": 0, "Start": 1, "Stop": 2, "DC_Start": 3, "DC_Stop": 4, "DataCollectionStart": 3, "DataCollectionStop": 4,
    "Extension": 5, "Reply": 6, "Resume": 7, "Suspend": 8, "Send": 9, "Receive": 240,
}  # fmt: skip


def git(repository, *arguments):
    return subprocess.run(["git", "-C", repository, *arguments], check=True, capture_output=True).stdout


def git_files(repository, commit, folder):
    """(path, text) of all files below a folder of a commit, in order of their paths."""
    listed = git(repository, "ls-tree", "-r", "-z", commit, "--", folder).decode().split("\0")
    rows = [row.split("\t", 1) for row in listed if row]
    names = "\n".join(meta.split()[2] for meta, _ in rows)
    blobs = subprocess.run(
        ["git", "-C", repository, "cat-file", "--batch"], input=names.encode(), check=True, capture_output=True
    ).stdout
    at = 0
    for _, path in rows:
        end = blobs.index(b"\n", at)
        size = int(blobs[at:end].split()[2])
        yield path, blobs[end + 1 : end + 1 + size].decode("utf-8-sig", errors="replace")
        at = end + size + 2


def squeezed(name):
    return re.sub("[^A-Za-z0-9_]", "", name)


# ------------------------------------------------------------------------------------------------ what was read


class Field:
    """A field as a source has it. `length` and `count` are names of fields; `said` is False where the source has no
    lengths, counts and maps at all."""

    __slots__ = ("name", "type", "length", "count", "map", "said")

    def __init__(self, name, type_name, length=None, count=None, map_name=None, said=False):
        self.name = name
        self.type = NUMBERS[type_name] if type_name in NUMBERS else int(type_name) if type_name.isdigit() else STRUCTURE
        self.length, self.count, self.map, self.said = length, count, map_name, said


class Sighting:
    """An event in a build."""

    __slots__ = ("build", "fields", "level", "task", "opcode", "keywords", "channel")

    def __init__(self, build, fields, level, task, opcode, keywords, channel=""):
        self.build, self.fields, self.level, self.task = build, fields, level, task
        self.opcode, self.keywords, self.channel = opcode, keywords, channel

    def key(self):
        return tuple((f.name, f.type) for f in self.fields)


class Provider:
    def __init__(self, guid):
        self.guid, self.name, self.named_by = guid, "", -1
        self.builds = set()
        self.sightings = collections.defaultdict(list)  # (id, version) -> [Sighting]
        self.keywords, self.tasks, self.opcodes = {}, {}, {}  # number -> name
        self.maps = {}  # (name, build) -> (is_bits, {value: text})
        self.known = collections.defaultdict(list)  # (id, version) -> [Known]
        self.known_maps = {}  # name -> (is_bits, {value: text})
        self.known_names = []  # (one of the dictionaries above, number, name)
        self.known_fields = {}  # name -> Part

    def say_known_names(self):
        for names, number, name in self.known_names:
            names[number] = name

    def named(self, name, build):
        if build >= self.named_by:
            self.name, self.named_by = name, build


class Known:
    """An event of supplement.txt."""

    __slots__ = ("layout", "fields", "columns", "builds", "beside")

    def __init__(self, layout, columns, builds, beside):
        self.layout, self.columns, self.builds = layout, columns, builds
        self.fields = layout_fields(layout)
        self.beside = beside  # what dumps have of the same fields stays


class Sources:
    def __init__(self):
        self.providers = {}  # by GUID
        self.names = {}  # name -> GUID
        self.builds = set()

    def provider(self, guid):
        return self.providers.setdefault(guid, Provider(guid))

    def guid_of(self, name):
        """Of a provider whose name alone is known. Some names end with their own GUID; others have none but that which
        is made of the name (as EventSource and the manifest compiler make it): if the provider has another one, the
        description is not found, and does no harm."""
        if name in self.names:
            return self.names[name]
        own = re.search("_([0-9a-f]{32})$", name)
        return str(uuid.UUID(own.group(1))) if own else name_guid(name)


def name_guid(name):
    space = bytes.fromhex("482C2DB2C39047C887F81A15BFC130FB")
    digest = bytearray(hashlib.sha1(space + name.upper().encode("utf-16-be")).digest()[:16])
    digest[7] = digest[7] & 15 | 0x50
    return str(uuid.UUID(bytes_le=bytes(digest)))


# ------------------------------------------------------------------------------------------------ REPNZ

TAG = re.compile(r"<(/?)(\w+)((?:\s+[\w:]+=\"[^\"]*\")*)\s*/?>")
ATTRIBUTE = re.compile(r"([\w:]+)=\"([^\"]*)\"")


def unescaped(text):
    for entity, sign in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&")):
        text = text.replace(entity, sign)
    return text


def manifest_tags(text):
    """The files are not well-formed where a message has quotes or tags of its own."""
    for close, tag, attributes in TAG.findall(text):
        yield tag, bool(close), {name: unescaped(value) for name, value in ATTRIBUTE.findall(attributes)}


def plain_type(attributes):
    return attributes.get("inType", "").replace("win:", "")


def without_own_number(name, number):
    return None if re.fullmatch(f"(task|opcode)_0*{number}", name) else name


def read_manifest(sources, build, text):
    provider, task, map_name, template = None, 0, None, None
    templates, events, task_numbers, opcode_numbers, strings = {}, [], {}, {}, {}
    for tag, _, has in manifest_tags(text):
        if tag == "string" and has.get("id", "").startswith("map_"):
            strings[has["id"]] = has.get("value", "")
    for tag, close, has in manifest_tags(text):
        if close:
            template = None if tag == "template" else template
        elif tag == "provider" and "guid" in has:
            provider = sources.provider(has["guid"].strip("{}").lower())
            provider.named(has["name"], build)
            provider.builds.add(build)
            sources.names[has["name"]] = provider.guid
        elif provider is None:
            continue
        elif tag == "keyword" and "mask" in has:
            provider.keywords[int(has["mask"], 16)] = has["name"]
        elif tag == "task" and "value" in has:
            task = int(has["value"])
            task_numbers[has["name"]] = task
            name = without_own_number(has["name"], task)
            if name:
                provider.tasks[task] = name
        elif tag == "opcode" and "value" in has:
            opcode = int(has["value"])
            opcode_numbers[(task, has["name"])] = opcode
            name = without_own_number(re.sub(f"_{task}_{opcode}$", "", has["name"]), opcode)
            if name and name != "opcode":
                provider.opcodes[(task, opcode)] = name
        elif tag in ("valueMap", "bitMap"):
            map_name = has["name"]
            provider.maps[(map_name, build)] = (tag == "bitMap", {})
        elif tag == "map" and map_name:
            string = has.get("message", "")[len("$(string.") : -1]
            shown = strings.get(string, string[len("map_" + map_name) :]).strip()
            if shown:
                provider.maps[(map_name, build)][1].setdefault(int(has["value"], 16), shown)
        elif tag == "event" and "value" in has:
            events.append(has)
        elif tag == "template":
            template = templates.setdefault(has.get("tid"), [])
        elif tag == "data" and template is not None:
            template.append(
                Field(has["name"], plain_type(has), has.get("length"), has.get("count"), has.get("map"), said=True)
            )
    for has in events:
        task_name, opcode_name = has.get("task", "task_0"), has.get("opcode", "")
        task = task_numbers.get(task_name, 0)
        opcode = opcode_numbers.get((task, opcode_name))
        if opcode is None:
            opcode = OPCODES.get(opcode_name.replace("win:", ""), 0)
        provider.sightings[(int(has["value"]), int(has.get("version", "0")))].append(
            Sighting(
                build,
                templates.get(has.get("template"), []),
                LEVELS.get(has.get("level", "").replace("win:", "")),
                task,
                opcode,
                tuple(has.get("keywords", "").split()),
            )
        )


def read_repnz(sources, repository):
    rows = git(repository, "ls-tree", "-z", "HEAD").decode().split("\0")
    folders = [row.split("\t", 1)[1] for row in rows if "\tManifests-" in row]
    for folder in sorted(folders, key=lambda name: int(name.rsplit("-", 1)[1])):
        build = int(folder.rsplit("-", 1)[1])
        sources.builds.add(build)
        for _, text in git_files(repository, "HEAD", folder):
            if "<instrumentationManifest" in text:
                read_manifest(sources, build, text)


# ------------------------------------------------------------------------------------------------ JDU2600


def jdu_commits(repository):
    """The newest commit of each release: {build: commit}."""
    commits = {}
    for commit in git(repository, "log", "--format=%H").decode().split():
        shown = subprocess.run(
            ["git", "-C", repository, "show", commit + ":version.txt"], check=False, capture_output=True
        ).stdout.decode("utf-8-sig", errors="replace")
        release = next((word for word in shown.split() if word in RELEASES), None)
        if release:
            commits.setdefault(RELEASES[release], commit)
    return commits


def read_row(sources, build, row):
    """One line of manifest/*.tsv; False: it is none."""
    id_text, version_text = row.get("event_id", ""), row.get("version", "")
    shown = row.get("event(fields)", "")
    if not id_text.isdigit() or not version_text.isdigit() or "(" not in shown:
        return False
    inside = shown[shown.rindex("(") + 1 : shown.rindex(")")]  # names before it may have some, too
    fields = [Field(*reversed(item.split(" ", 1))) for item in inside.split(", ") if " " in item]
    provider = sources.provider(sources.guid_of(row["provider"]))
    provider.named(row["provider"], build)
    provider.builds.add(build)
    provider.sightings[(int(id_text), int(version_text))].append(
        Sighting(
            build,
            fields,
            LEVELS.get(row.get("level", "")),
            row.get("task", ""),
            row.get("opcode", ""),
            tuple(row.get("keywords", "").split()),
            row.get("evtlog_channel", ""),
        )
    )
    return True


def read_jdu2600(sources, repository):
    for build, commit in sorted(jdu_commits(repository).items()):
        sources.builds.add(build)
        for _, text in git_files(repository, commit, "manifest"):
            head, *lines = text.replace("\r", "").split("\n")
            columns = head.split("\t")
            for line in lines:
                read_row(sources, build, dict(zip(columns, line.split("\t"))))


# ------------------------------------------------------------------------------------------------ supplement


def top_level(text):
    """The fields of a layout, structures whole."""
    fields, depth, start = [], 0, 0
    for at, sign in enumerate(text):
        depth += (sign == "{") - (sign == "}")
        if sign == ";" and depth == 0:
            fields.append(text[start:at].strip())
            start = at + 1
    return [f for f in fields + [text[start:].strip()] if f]


TYPE = re.compile(r"~?(\{.*\}|\w+)(\([^)]*\))?(:\w+)?(=\w+)?(\[[^\]]*\])? (.*)", re.S)


class Part:
    """A field of a layout's text."""

    __slots__ = ("text", "name", "word", "type", "length", "out", "map", "count")

    def __init__(self, text):
        self.text = text
        word, length, out, map_name, count, self.name = TYPE.fullmatch(text).groups()
        self.word = word
        self.type = STRUCTURE if word[0] == "{" else WORDS.get(SHORT_WORDS.get(word, word), STRUCTURE)
        self.length, self.count = length and length[1:-1], count and count[1:-1]
        self.out, self.map = out, map_name and map_name[1:]


def layout_fields(layout):
    return [Part(text) for text in top_level(layout)]


def read_supplement(sources, path):
    provider, layout, beside = None, "", False
    with open(path, encoding="utf-8") as file:
        for line in file:
            columns = line.rstrip("\n").split("\t")
            word = columns[0]
            if not word or word.startswith("#"):
                continue
            if word == "provider":
                provider = sources.provider(columns[1])
                if not provider.name:
                    provider.name = columns[2]
                sources.names.setdefault(columns[2], columns[1])
            elif word == "structure":
                STRUCTURES[columns[1]] = columns[2]
            elif word == "everywhere":
                EVERYWHERE[columns[1]] = columns[2]
            elif word == "field":
                part = Part(columns[1])
                provider.known_fields[squeezed(part.name)] = part
            elif word == "keyword":
                provider.known_names.append((provider.keywords, int(columns[1], 16), columns[2]))
            elif word == "task":
                provider.known_names.append((provider.tasks, int(columns[1]), columns[2]))
            elif word == "opcode":
                task, number = columns[1].split(".")
                provider.known_names.append((provider.opcodes, (int(task), int(number)), columns[2]))
            elif word in ("map", "bits"):
                entries = dict(entry.split("=", 1) for entry in columns[2:])
                provider.known_maps[columns[1]] = (word == "bits", {int(v, 0): t for v, t in entries.items()})
            elif word in ("layout", "beside"):
                layout, beside = columns[1] if len(columns) > 1 else "", word == "beside"
            else:
                event, version = (int(number) for number in word.split("/"))
                columns += [""] * (7 - len(columns))
                provider.known[(event, version)].append(Known(layout, columns[2:], columns[1], beside))


# ------------------------------------------------------------------------------------------------ fields


class Fields:
    """What all descriptions of a provider say of its fields."""

    def __init__(self, provider):
        self.occurrences = collections.defaultdict(list)  # name -> [(field, fields of its event)]
        self.structures = set()
        self.by_event = collections.defaultdict(set)  # (id, name, type) -> {(length, count, map)}
        self.by_name = collections.defaultdict(set)  # (name, type) -> {(length, count)}
        self.counted = set()  # (id, name, type) of fields that have a count
        self.known = collections.defaultdict(set)  # (id, name, type) -> {(word, length, out, map, count)}
        self.known_lengths = collections.defaultdict(set)  # (name, type) -> {(word, length, out)}
        for (event, _), sightings in sorted(provider.sightings.items()):
            for sighting in sightings:
                self.note(event, sighting.fields)
        self.find_structures()
        for (event, _), known in sorted(provider.known.items()):
            for one in known:
                for part in () if one.beside else one.fields:
                    if part.type != STRUCTURE:
                        key = (squeezed(part.name), part.type)
                        self.known[(event, *key)].add((part.word, part.length, part.out, part.map, part.count))
                        self.known_lengths[key].add((part.word, part.length, part.out))

    def note(self, event, fields):
        for field in fields:
            self.occurrences[field.name].append((field, fields))
            if field.said:
                self.by_event[(event, field.name, field.type)].add((field.length, field.count, field.map))
                self.by_name[(field.name, field.type)].add((field.length, field.count))
                if field.count:
                    self.counted.add((event, field.name, field.type))

    def find_structures(self):
        """Names of fields that are structures. A structure's type is the index of its first member, and members come after
        all top-level fields: the first structure of an event has the number of these as its type, further ones a larger
        one. So a field that has that number for a type wherever it is, and not always the same one, is a structure;
        then the same goes for fields that have larger ones in events with such a structure before them."""

        def is_one(name, occurrences):
            if any(field.type == STRUCTURE or field.type > COUNTED_BINARY for field, _ in occurrences):
                return True
            if len({field.type for field, _ in occurrences}) < 2:
                return False
            return all(
                field.type == len(fields)
                or (field.type > len(fields)
                    and any(f.name in self.structures and f.name != name and f.type < field.type for f in fields))
                for field, fields in occurrences
            )  # fmt: skip

        candidates = {
            name: occurrences for name, occurrences in self.occurrences.items()
            if all(field.type >= len(fields) for field, fields in occurrences)
        }  # fmt: skip
        while True:
            found = {name for name, occurrences in candidates.items() if is_one(name, occurrences)}
            if found <= self.structures:
                break
            self.structures |= found

    def is_structure(self, event, field, fields):
        """Of a field in an event. Arrays whose type is the number of top-level fields are taken for arrays of structures
        too, where no other field of the event has this type and no other event shows that it is one."""
        if field.type == STRUCTURE or field.type > COUNTED_BINARY or field.name in self.structures:
            return True
        total = len(fields)
        if field.type != total or (event, field.name, field.type) not in self.counted:
            return False
        if any(other.type == total for other in fields if other is not field):
            return False
        return all(of.type >= len(others) for of, others in self.occurrences[field.name] if of.type == field.type)

    def said_of(self, event, field, before):
        """(length, count, map) of a field; each None where nothing is said or not all agree."""

        def agreed(said, at):
            values = {value[at] for value in said}
            return values.pop() if len(values) == 1 else None

        def referred(name):
            return name if name and squeezed(name) in before else None

        if field.said:
            return referred(field.length), referred(field.count), field.map
        own = self.by_event.get((event, field.name, field.type), set())
        length, count = referred(agreed(own, 0)), referred(agreed(own, 1))
        if not own:
            wider = self.by_name.get((field.name, field.type), set())
            length, count = referred(agreed(wider, 0)), referred(agreed(wider, 1))
        return length, count, agreed(own, 2)


def known_part(fields, event, field, before):
    """What supplement.txt says of the field in other versions of the event: (word, length, out, map, count)."""
    said = fields.known.get((event, field.name, field.type), set())
    if len(said) == 1:
        word, length, out, map_name, count = next(iter(said))
        if all(not ref or ref.isdigit() or squeezed(ref) in before for ref in (length, count)):
            return word, length, out, map_name, count
    wider = fields.known_lengths.get((field.name, field.type), set())
    if field.type == BINARY and len(wider) == 1:
        word, length, out = next(iter(wider))
        if not length or length.isdigit() or squeezed(length) in before:
            return word, length, out, None, None
    return None


INTEGERS = {NUMBERS[name] for name in ("UInt8", "UInt16", "UInt32")}


def named_length(field, all_fields):
    """The integer right before bytes of unknown size that is called after them."""
    at = all_fields.index(field)
    before = all_fields[at - 1] if at else None
    named = before and before.type in INTEGERS and before.name in (field.name + "Length", field.name + "Size")
    return before.name if named and field.type == BINARY else None


def known_field(provider, fields, event, field, all_fields, before, facts):
    """What supplement.txt says of a field of the provider, whatever the event: of a structure, or of bytes whose size is
    not known (or is in another field); of others only in events that cannot be read otherwise, as they have a
    structure."""
    part = provider.known_fields.get(field.name)
    refers = [ref for ref in (part.length, part.count) if ref and not ref.isdigit()] if part else []
    if not part or not (facts or refers) or any(squeezed(ref) not in before for ref in refers):
        return None
    structures = [f for f in all_fields if fields.is_structure(event, f, all_fields)]
    if field in structures or (structures and part.type == field.type) or (field.type == part.type == BINARY):
        return part.text
    return None


def write_field(provider, fields, event, field, all_fields, before, facts):
    structure = STRUCTURES.get(field.name)
    refers = set(re.findall(r"\[(\w+)\]", structure or "")) - {"rest"}
    if structure and field.type >= len(all_fields) and refers <= set(before):
        return structure
    if said := known_field(provider, fields, event, field, all_fields, before, facts):
        return said
    if fields.is_structure(event, field, all_fields):
        return f"bytes {field.name}"
    length, count, map_name = fields.said_of(event, field, before)
    if facts and not count:
        length = length or named_length(field, all_fields)
    word, out = TYPES[field.type][1] or "bytes", None
    known = known_part(fields, event, field, before)
    if known:
        word, out = known[0], known[2]
        length, count, map_name = length or known[1], count or known[4], map_name or known[3]
    if map_name and map_name not in provider.final_maps:
        map_name = None
    return "".join([
        word, f"({before.get(squeezed(length), length)})" if length else "", out or "",
        f"={map_name}" if map_name else "", f"[{before.get(squeezed(count), count)}]" if count else "", " ", field.name,
    ])  # fmt: skip


def write_fields(provider, fields, event, sighting, facts):
    texts, before = [], {}
    for field in sighting.fields:
        texts.append(write_field(provider, fields, event, field, sighting.fields, before, facts))
        before[squeezed(field.name)] = field.name
    return texts


VARIABLE = re.compile(r"(wstr|astr|cwstr|castr|cbytes|sid) |.*[(\[][A-Za-z]")


def is_solvable(texts):
    """Whether payloads show the size of the only bytes of unknown size: all fields behind them are of fixed size."""
    unknown = [at for at, text in enumerate(texts) if text.startswith("bytes ")]
    return not unknown or (len(unknown) == 1 and not any(VARIABLE.match(text) for text in texts[unknown[0] + 1 :]))


def write_layout(provider, fields, event, sighting):
    texts = write_fields(provider, fields, event, sighting, False)
    if not is_solvable(texts):
        texts = write_fields(provider, fields, event, sighting, True)
    layout = "; ".join(texts)
    return EVERYWHERE.get(layout, layout)


def same_fields(known, sighting):
    """Whether an event of supplement.txt and one of a dump have the same fields."""
    if len(known.fields) != len(sighting.fields):
        return False
    total = len(sighting.fields)
    for part, field in zip(known.fields, sighting.fields):
        if squeezed(part.name) != field.name:
            return False
        if part.type != field.type and not (part.type == STRUCTURE and field.type >= total):
            return False
    return True


# ------------------------------------------------------------------------------------------------ the text


def ranges(some, every):
    """{7600, 10240, 28000} as "7600-10240,28000": ranges of the builds that any source has."""
    runs, last = [], None
    for at, build in enumerate(every):
        if build not in some:
            continue
        if runs and last == at - 1:
            runs[-1][1] = build
        else:
            runs.append([build, build])
        last = at
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)


def merge_maps(provider):
    """One map a name, newest entries first; where builds give one value different texts, the older text is dropped."""
    merged = {}
    for (name, build), (is_bits, entries) in sorted(provider.maps.items(), key=lambda item: -item[0][1]):
        kind, into = merged.setdefault(name, (is_bits, {}))
        if kind == is_bits:
            for value, text in entries.items():
                into.setdefault(value, text)
    for name, (is_bits, entries) in provider.known_maps.items():
        kind, into = merged.setdefault(name, (is_bits, {}))
        for value, text in entries.items():
            into[value] = text
    return {name: item for name, item in merged.items() if item[1] and re.fullmatch(r"\w+", name)}


class Line:
    """An event of the core: what is written after its id and version."""

    __slots__ = ("layout", "builds", "columns", "newest")

    def __init__(self, layout, builds, columns, newest):
        self.layout, self.builds, self.columns, self.newest = layout, builds, columns, newest


def keyword_column(provider, names):
    masks = {squeezed(name): mask for mask, name in provider.keywords.items()}
    masks.update({name: mask for mask, name in provider.keywords.items()})
    masks.update({name: int(name[8:], 16) for name in names if re.fullmatch("keyword_[0-9a-f]+", name)})
    if all(name in masks for name in names):
        mask = sum({masks[name] for name in names})
        return f"0x{mask:x}" if mask else ""
    return " ".join(names)


def task_column(provider, task):
    if isinstance(task, int):
        return str(task) if task else ""
    own = re.fullmatch(r"[Tt]ask_0*(\d+)", task)
    if own or not task:
        number = int(own.group(1)) if own else 0
    else:
        number = next((value for value, name in provider.tasks.items() if squeezed(name) == squeezed(task)), task)
    return str(number) if number else ""


def opcode_column(provider, opcode, task):
    if isinstance(opcode, int):
        return str(opcode) if opcode else ""
    own = re.fullmatch(r"opcode_(?:\d+_)?(\d+)", opcode)
    if own or not opcode:
        number = int(own.group(1)) if own else 0
    else:
        number = next(
            (
                value for (of, value), name in provider.opcodes.items()
                if squeezed(name) == squeezed(opcode) and str(of) == (task or "0")
            ),
            OPCODES.get(opcode, opcode),
        )
    return str(number) if number else ""


def sighting_columns(provider, sighting):
    task = task_column(provider, sighting.task)
    return [
        "" if sighting.level is None else str(sighting.level),
        task,
        opcode_column(provider, sighting.opcode, task),
        keyword_column(provider, sighting.keywords),
        sighting.channel,
    ]


def event_lines(provider, fields, event, version):
    """The lines of an event, the layout of the newest build first."""
    groups = collections.defaultdict(list)
    for sighting in provider.sightings.get((event, version), []):
        groups[sighting.key()].append(sighting)
    known = list(provider.known.get((event, version), []))
    lines = []
    for sightings in groups.values():
        # Of one build the source that says more; names of the newest.
        sightings.sort(key=lambda s: (s.build, bool(s.fields and s.fields[0].said)))
        newest = sightings[-1]
        numbered = next((s for s in reversed(sightings) if isinstance(s.task, int)), None)
        columns = sighting_columns(provider, newest)
        if numbered:
            own = sighting_columns(provider, numbered)
            columns[1] = columns[1] if columns[1].isdigit() else own[1]
            columns[2] = columns[2] if columns[2].isdigit() else own[2]
        columns[4] = next((s.channel for s in reversed(sightings) if s.channel), "")
        said = next((s for s in reversed(sightings) if not s.fields or s.fields[0].said), newest)
        layout = write_layout(provider, fields, event, said)
        match = next((one for one in known if not one.beside and same_fields(one, newest)), None)
        if match:
            known.remove(match)
            layout = match.layout
            columns = [b or a for a, b in zip(columns, match.columns)]
        lines.append(Line(layout, {s.build for s in sightings}, columns, newest.build))
    for one in known:
        lines.append(Line(one.layout, one.builds or None, one.columns, 1 << 30))
    # Groups that differ in nothing written are one line.
    merged = {}
    for line in lines:
        other = merged.setdefault(line.layout, line)
        if other is not line and isinstance(other.builds, set) and isinstance(line.builds, set):
            other.builds |= line.builds
            if line.newest > other.newest:
                other.columns, other.newest = line.columns, line.newest
    return sorted(merged.values(), key=lambda line: -line.newest)


def write_provider(provider, every, out):
    provider.say_known_names()
    provider.final_maps = merge_maps(provider)
    fields = Fields(provider)
    own_builds = ranges(provider.builds, every)
    out.append("\t".join(["provider", provider.guid, provider.name, own_builds]).rstrip("\t"))
    for mask, name in sorted(provider.keywords.items()):
        if name != f"keyword_{mask:x}":
            out.append(f"keyword\t0x{mask:x}\t{name}")
    for number, name in sorted(provider.tasks.items()):
        out.append(f"task\t{number}\t{name}")
    for (task, number), name in sorted(provider.opcodes.items()):
        out.append(f"opcode\t{task}.{number}\t{name}")
    layouts, used = {}, set()
    for event, version in sorted(set(provider.sightings) | set(provider.known)):
        for line in event_lines(provider, fields, event, version):
            builds = line.builds
            if isinstance(builds, set):
                builds = ranges(builds, every)
                builds = "" if builds == own_builds else builds
            row = "\t".join([f"{event}/{version}", builds or ("" if not own_builds else "*"), *line.columns])
            layouts.setdefault(line.layout, []).append(row.rstrip("\t"))
            used.update(re.findall(r"=(\w+)", line.layout))
    for name, (is_bits, entries) in sorted(provider.final_maps.items()):
        shown = "\t".join(f"{value}={text}" for value, text in sorted(entries.items()))
        out.append(f"{'bits' if is_bits else 'map'}\t{name}\t{shown}")
    for layout, rows in layouts.items():
        out.append(f"layout\t{layout}".rstrip("\t"))
        out.extend(rows)


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: make_core.py REPNZ JDU2600 >core.txt")
    sources = Sources()
    read_supplement(sources, os.path.join(os.path.dirname(os.path.abspath(__file__)), "supplement.txt"))
    read_repnz(sources, sys.argv[1])
    read_jdu2600(sources, sys.argv[2])
    every = sorted(sources.builds)
    out = []
    for _, provider in sorted(sources.providers.items()):
        write_provider(provider, every, out)
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    print("\n".join(out))


main()
