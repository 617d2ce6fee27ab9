# A decoder of TraceLogging events and of manifests (those of EventSources in the trace, and files), written from the
# formats' documentation and sharing nothing with the program. It reads the payload of each decoded record from the
# trace itself, at the record's offset, and says where the record's data differs.
# usage: judge.py ETWKIT TRACE... [--schemas MANIFEST...]; exit 1: something differs
import datetime
import ipaddress
import json
import re
import struct
import subprocess
import sys
import uuid
import xml.etree.ElementTree as xml

INTEGERS = {3: "<b", 4: "<B", 5: "<h", 6: "<H", 7: "<i", 8: "<I", 9: "<q", 10: "<Q", 20: "<I", 21: "<Q"}
NAMES = ["", "UnicodeString", "AnsiString", "Int8", "UInt8", "Int16", "UInt16", "Int32", "UInt32", "Int64", "UInt64",
         "Float", "Double", "Boolean", "Binary", "GUID", "Pointer", "FILETIME", "SYSTEMTIME", "SID", "HexInt32",
         "HexInt64"]
CHARACTERS, BOOLEAN, PORT, IPV4, IPV6, SOCKET = 2, 3, 7, 8, 9, 10  # formats of TraceLogging


class Damaged(Exception):
    pass


class Field:
    def __init__(self, name, kind, form=0, count=None, length=None, members=None, mapped=False):
        self.name, self.kind, self.form = name, kind, form
        self.count = count    # None: one; a number; the name of a field; "inline"
        self.length = length  # None: by the type's own rule; else likewise
        self.members, self.mapped = members, mapped


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if self.at + count > len(self.data):
            raise Damaged("ends too early")
        self.at += count
        return self.data[self.at - count:self.at]

    def number(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def until_nul(self, unit):
        end = self.at
        while end + unit <= len(self.data) and any(self.data[end:end + unit]):
            end += unit
        text = self.data[self.at:end]
        self.at = min(end + unit, len(self.data))
        return text


# ------------------------------------------------------------------------------------------- values

def ansi(data):
    """All the texts it may be: the code page is not recorded."""
    return {data.decode("cp1252", "replace"), data.decode("utf-8", "replace"), data.decode("latin-1")}


def utf16(data):
    return {data[:len(data) // 2 * 2].decode("utf-16-le", "replace")}


def ticks_text(ticks):
    if not 0 <= ticks <= 2650467743999999999:
        return str(ticks if ticks < 2**63 else ticks - 2**64)
    seconds, rest = divmod(ticks, 10**7)
    day = datetime.datetime(1601, 1, 1) + datetime.timedelta(seconds=seconds)
    return f"{day:%Y-%m-%dT%H:%M:%S}.{rest:07d}00Z".replace(f"{day:%Y}", f"{day.year:04d}", 1)


def is_local(name):
    """"Local" beside a word for a time, with at most file, system or date between: the time of a zone, without a Z."""
    words = [w.lower() for w in re.findall("[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]
    words = [w for w in words if w not in ("file", "system")]
    times = {"time", "date", "datetime", "filetime", "systemtime", "timestamp"}
    return any("local" in pair and set(pair) & times for pair in zip(words, words[1:]))


def shown(text):
    return text.rstrip("\0").replace("\0", "\u2400")


def system_time(data):
    year, month, _, day, hour, minute, second, milli = words = struct.unpack("<8H", data)
    try:
        datetime.datetime(min(year, 9999), month, day, hour, minute, second)
        if year < 1601 or milli > 999:
            raise ValueError
    except ValueError:
        return ",".join(map(str, words))
    return f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}.{milli:03d}Z"


def sid(r):
    revision, count = r.take(2)
    authority = int.from_bytes(r.take(6), "big")
    parts = [r.number("<I") for _ in range(count)]
    top = str(authority) if authority < 2**32 else f"0x{authority:012x}"
    return "-".join(["S", str(revision), top] + [str(p) for p in parts])


def one(r, f, wide, values):
    """The value of one element: a number, bytes, a set of possible texts, a list of members."""
    kind = f.kind
    length = values.get(f.length, f.length) if isinstance(f.length, str) else f.length
    if kind == 24:
        return members(r, f.members, wide)
    if kind in (1, 2):
        unit, read = (2, utf16) if kind == 1 else (1, ansi)
        data = r.until_nul(unit) if length is None else r.take(int(length) * unit)
        return {shown(t) for t in read(data)} if length is not None else read(data)
    if kind in (22, 23):
        return {shown(t) for t in (utf16 if kind == 22 else ansi)(r.take(r.number("<H")))}
    if kind in (14, 25):
        data = r.take(r.number("<H") if length is None else int(length))
        if f.form == IPV6 and len(data) == 16:
            return {str(ipaddress.IPv6Address(data)), None}
        return data
    if kind in (11, 12):
        return r.number("<f" if kind == 11 else "<d")
    if kind == 13:
        return r.number("<I") != 0
    if kind == 15:
        return {"{%s}" % uuid.UUID(bytes_le=r.take(16))}
    if kind == 16:
        return r.number("<Q" if wide else "<I")
    if kind in (17, 18):
        text = ticks_text(r.number("<Q")) if kind == 17 else system_time(r.take(16))
        return {text.removesuffix("Z") if is_local(f.name) else text}
    if kind == 19:
        return {sid(r)}
    data = r.take(struct.calcsize(INTEGERS[kind]))
    if f.form == PORT and len(data) == 2:
        return int.from_bytes(data, "big")
    if f.form == IPV4 and len(data) == 4:
        return {str(ipaddress.IPv4Address(data))}
    if f.form == CHARACTERS:
        return utf16(data) if len(data) == 2 else ansi(data)
    value = struct.unpack(INTEGERS[kind], data)[0]
    return value != 0 if f.form == BOOLEAN else value


def members(r, fields, wide):
    values, out = {}, []
    for f in fields:
        if f.count is None:
            value = one(r, f, wide, values)
        else:
            count = r.number("<H") if f.count == "inline" else values.get(f.count, f.count)
            value = [one(r, f, wide, values) for _ in range(int(count))]
        values[f.name] = value
        out.append((f, value))
    return out


def same(f, value, got):
    if isinstance(value, list) and value and isinstance(value[0], tuple) or isinstance(got, dict):
        return isinstance(got, dict) and len(got) == len(value) and all(
            same(g, v, got[k]) and (k == g.name or re.fullmatch(re.escape(g.name) + r"_\d+", k))
            for (g, v), k in zip(value, got))
    if isinstance(value, list) and isinstance(got, list):
        return len(value) == len(got) and all(same(f, v, g) for v, g in zip(value, got))
    if isinstance(value, list):  # characters as one text
        return isinstance(got, str)
    if isinstance(value, bytes):
        text = isinstance(got, str) and (got == "" if not value else got == "0x" + value.hex().upper())
        return text or f.form in (IPV6, SOCKET)
    if isinstance(value, set):
        return got in value or any("\ufffd" in v for v in value if v)
    if isinstance(value, bool):
        return got is value
    if isinstance(value, float):
        number = float(got)
        narrow = f.kind == 11 and struct.pack("<f", number) == struct.pack("<f", value)
        return number == value or number != number or narrow or abs(number - value) <= abs(value) * 1e-6
    if isinstance(got, str) and re.fullmatch(r"0x[0-9A-Fa-f]+", got):
        bits = len(got) * 4
        return int(got, 16) == value or (value < 0 and any(int(got, 16) == value + 2**n for n in (8, 16, 32, 64)))
    if isinstance(got, str):  # a name, a time, an address: what the number means
        return f.mapped or f.kind in INTEGERS
    return got == value


# ------------------------------------------------------------------------------------------- descriptions

def tracelogging(metadata):
    r = Reader(metadata[2:max(struct.unpack("<H", metadata[:2])[0], 4)])
    while r.take(1)[0] & 0x80:
        pass
    name = r.until_nul(1).decode("utf-8", "replace")
    fields = []
    while r.at < len(r.data):
        fields.append(tracelogging_field(r))
    return name, fields


def tracelogging_field(r):
    name, kind, form, count = r.until_nul(1).decode("utf-8", "replace"), r.take(1)[0], 0, None
    if kind & 0x80:
        form = r.take(1)[0]
        tag = form
        while tag & 0x80:
            tag = r.take(1)[0]
        form &= 0x7f
    if kind & 0x60 == 0x20:
        count = r.number("<H")
    elif kind & 0x60 == 0x40:
        count = "inline"
    elif kind & 0x60 == 0x60:
        r.take(r.number("<H"))
        return Field(name, 25)
    if kind & 0x1f == 24:
        return Field(name, 24, count=count, members=[tracelogging_field(r) for _ in range(form)])
    return Field(name, kind & 0x1f, form, count)


def local(node):
    return node.tag.rsplit("}", 1)[-1]


def sized(text):
    return None if text is None else int(text, 0) if re.fullmatch(r"\d+|0x[0-9a-fA-F]+", text) else text


def manifest_fields(template):
    fields = []
    for node in template:
        if local(node) == "struct":
            fields.append(Field(node.get("name"), 24, count=sized(node.get("count")), members=manifest_fields(node)))
        elif local(node) == "data":
            kind = NAMES.index(node.get("inType").split(":")[-1])
            out = (node.get("outType") or "").split(":")[-1]
            form = {"Port": PORT, "IPv4": IPV4, "IPv6": IPV6, "SocketAddress": SOCKET, "boolean": BOOLEAN,
                    "string": CHARACTERS if kind in INTEGERS else 0}.get(out, 0)
            fields.append(Field(node.get("name"), kind, form, sized(node.get("count")), sized(node.get("length")),
                                mapped=node.get("map") is not None))
    return fields


def manifest(text):
    """{(provider, id, version): fields}"""
    found = {}
    for provider in (n for n in xml.fromstring(text).iter() if local(n) == "provider"):
        guid = provider.get("guid").strip("{}").lower()
        templates = {n.get("tid"): n for n in provider.iter() if local(n) == "template"}
        for event in (n for n in provider.iter() if local(n) == "event" and n.get("value")):
            template = templates.get(event.get("template"))
            if event.get("template") is None or template is not None:
                fields = manifest_fields(template) if template is not None else []
                found[guid, int(event.get("value"), 0), int(event.get("version") or "0", 0)] = fields
    return found


# ------------------------------------------------------------------------------------------- traces

class Trace:
    def __init__(self, path, files):
        self.data, self.files = open(path, "rb").read(), files
        self.pieces, self.sent = {}, []  # sent: (process, time, descriptions)

    def event(self, rec):
        """(metadata, payload, wide) as they are in the file. None: not there as such (compressed, or no EVENT)."""
        at = rec["offset"]
        head = self.data[at:at + 0x50]
        if len(head) < 0x50 or head[2] not in (18, 19) or head[3] != 0xC0:
            return None
        size, flags = struct.unpack("<HxxH", head[:6])
        end, item, metadata, more = at + size, at + 0x50, None, flags & 1
        while more:
            length, kind, more, data = struct.unpack("<4H", self.data[item:item + 8])
            if kind == 11:
                metadata = self.data[item + 8:item + 8 + data]
            item, more = item + length, more & 1
        return metadata, self.data[item:end], head[2] == 19

    def collect(self, rec):
        """A piece of an EventSource's manifest."""
        found = self.event(rec)
        if rec.get("event_id") != 65534 or not found or len(found[1]) < 8 or found[1][3] != 0x5B:
            return
        count, number = struct.unpack("<HH", found[1][4:8])
        pieces = self.pieces.setdefault((rec["provider_id"], rec.get("process_id"), count), {})
        pieces[number] = found[1][8:]
        if len(pieces) == count:
            text = b"".join(pieces[n] for n in sorted(pieces)).rstrip(b"\0")
            pieces.clear()
            try:
                self.sent.append((rec.get("process_id"), rec["timestamp"], manifest(text)))
            except (xml.ParseError, ValueError, AttributeError):
                pass  # manifests that only a lenient reader can use

    def fields_of(self, rec, metadata):
        if rec["schema"] == "tracelogging":
            return tracelogging(metadata)[1] if metadata else None
        key = rec["provider_id"], rec["event_id"], rec["version"]
        if rec["schema"] == "manifest":
            return next((m[key] for m in self.files if key in m), None)
        own = [s for s in self.sent if s[0] == rec.get("process_id") and key in s[2]]
        before = [s for s in own if s[1] <= rec["timestamp"]]
        if own:
            return (before[-1] if before else own[0])[2][key]
        others = [s[2][key] for s in self.sent if key in s[2]]
        return others[0] if len(others) == 1 else None


def judge(program, path, files, schemas):
    options = [o for s in schemas for o in ("--schemas", s)]
    run = subprocess.run([program, "convert", path, "--cache", "none", "-f", "jsonl"] + options, capture_output=True,
                         check=False)
    records = [json.loads(line) for line in run.stdout.decode("utf-8").splitlines()]
    trace, judged, skipped, wrong = Trace(path, files), 0, 0, 0
    for rec in sorted(records, key=lambda r: r["timestamp"]):
        trace.collect(rec)
    for rec in records:
        if rec["state"] != "decoded" or rec["schema"] not in ("tracelogging", "eventsource", "manifest"):
            continue
        found = trace.event(rec)
        fields = trace.fields_of(rec, found[0]) if found and rec.get("event_id") != 65534 else None
        if fields is None:
            skipped += 1
            continue
        judged += 1
        try:
            values = members(Reader(found[1]), fields, found[2])
            fits = same(None, values, rec["data"]) if values else rec["data"] == {}
        except Damaged as e:
            values, fits = str(e), False
        if not fits:
            wrong += 1
            if wrong <= 5:
                print(f"{path}: record {rec['record']} at {rec['offset']}\n  program: {rec['data']}\n  judge:   "
                      f"{[(f.name, v) for f, v in values] if isinstance(values, list) else values}")
    print(f"{path.rsplit('/', 1)[-1]}: {judged} judged, {wrong} differ, {skipped} not to be judged")
    return judged, wrong


def main():
    words = sys.argv[2:]
    at = words.index("--schemas") if "--schemas" in words else len(words)
    schemas = words[at + 1:]
    files = [manifest(open(s, "rb").read()) for s in schemas]
    totals = [judge(sys.argv[1], path, files, schemas) for path in words[:at]]
    judged, wrong = (sum(t[i] for t in totals) for i in (0, 1))
    print(f"{judged} judged, {wrong} differ")
    sys.exit(1 if wrong else 0)


main()
