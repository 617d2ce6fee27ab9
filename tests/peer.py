# JSON Lines of a conversion beside what TraceEvent, PerfView's library, reads of the same trace on Windows: text files
# with up to five events of each type ("EVENT ms: Provider/Event PID=..; field=value; ..."). Each of these events must be
# among ours, at its time and processor, and each field that both name alike must be equal, or differ in one of the ways
# that RENDERINGS lists with a reason and checks by value.
# usage: peer.py ETWKIT TRACE BASELINE...; exit 1: an event is missing or a field differs
import datetime
import json
import re
import subprocess
import sys
from collections import Counter, defaultdict

HEAD = {"PID", "TID", "PName", "ProceNum", "DataLen"}
CUT = "..."  # values of more than some twenty characters are cut


def plain(name):
    return re.sub(r"[^a-z0-9]", "", name.lower())


def number(text):
    text = str(text).replace(",", "").strip()
    if re.fullmatch(r"0[xX][0-9a-fA-F]+", text):
        return int(text, 16)
    return int(text) if re.fullmatch(r"-?\d+", text) else None


def begins(theirs, whole):
    """Whether theirs, maybe cut, is that text."""
    theirs, whole = theirs.lower(), whole.lower()
    return whole.startswith(theirs[:-len(CUT)]) if theirs.endswith(CUT) else whole == theirs


def equal(ours, theirs):
    if isinstance(ours, bool):
        ours = str(ours)
    ours = str(ours)
    a, b = number(ours), number(theirs)
    if a is not None and b is not None:
        return (a - b) % 2**32 == 0 if -2**32 < b < 2**32 else (a - b) % 2**64 == 0
    if re.match(r"\d\d/\d\d/\d\d ", theirs):
        return begins(theirs, ours[2:].replace("-", "/").replace("T", " "))
    text = ours.strip("{}").replace("\n", "\\n").replace("\r", "\\r")
    return begins(theirs.strip("{}"), text) or begins(theirs.rstrip("\\"), text.rstrip("\\"))


# ------------------------------------------------------------------------------------------- known renderings

# Flags by their bits: as the manifest of the runtime names them, and as TraceEvent does where nothing else names them.
NAMES = {
    "AppDomainFlags": {"Default": 1, "Executable": 2, "Shared": 4},
    "StartupFlags": {"CONCURRENT_GC": 1, "LOADER_OPTIMIZATION_SINGLE_DOMAIN": 2},
    "Flags": {"GCSpecial": 1, "Finalizer": 2, "ThreadPoolWorker": 4},
}
BITS = {
    "IrpFlags": {"Nocache": 1, "MountCompletion": 2, "Write": 0x200, "DeferIOCompletion": 0x800},
    "GlobalMechanisms": {"Concurrent": 1, "Compaction": 2, "Promotion": 4, "Demotion": 8, "CardBundles": 16},
    "CreateOptions": {"FILE_ATTRIBUTE_ARCHIVE": 0x20},
}
OPTIONS = 0xFFFFFF  # of CreateOptions; above are the disposition's


def numbers_of_names(field, ours, theirs, rec):
    values = [NAMES.get(field, {}).get(word, number(word)) for word in ours.split("|")]
    return None not in values and sum(values) == number(theirs)


def same_names(field, ours, theirs, rec):
    """Each of theirs is ours, in any order; as many more as we have bits without a name."""
    known = [w for w in ours.split("|") if not w.startswith("0x")]
    words = re.split(r", |\|", theirs)
    unknown = [w for w in words if not any(begins(w, k) for k in known)]
    unnamed = len(ours.split("|")) - len(known)
    return number(theirs) is None and len(unknown) <= unnamed and (theirs.endswith(CUT) or len(words) >= len(known))


def bits_by_name(field, ours, theirs, rec):
    """Each word is the name, maybe cut, of a bit that is set."""
    value = number(ours)
    return value is not None and all(any(begins(w, name) and value & bit for name, bit in BITS[field].items())
                                     for w in theirs.split(", "))


def drive_letter(field, ours, theirs, rec):
    for head, drive in ((r"\\SystemRoot\\", "C:\\Windows\\"), (r"\\Device\\Mup\\", "\\\\"),
                        (r"\\Device\\HarddiskVolume\d+\\", "C:\\"), (r"\\", "C:\\")):
        found = re.match(head, ours)
        if found:
            return begins(theirs, drive + ours[found.end():])
    return False


RENDERINGS = [
    ("Windows Kernel/EventTrace", "LogFileName", lambda f, o, t, r: begins(t, r["data"]["LogFileNameString"]),
     "the text it points to, which is LogFileNameString"),
    (r"Microsoft-Windows-DotNETRuntime.*", r"\w*Flags", numbers_of_names, "numbers of what the manifest names"),
    (r"Microsoft-Windows-DotNETRuntime.*", r"\w*Flags", same_names, "names by commas, some of its own"),
    (r"PerfView/KernelEnableParameters", "keywords|stacks", same_names, "names in another order"),
    (r".*", "IrpFlags|GlobalMechanisms|CreateOptions", bits_by_name, "names of its own"),
    (r"Microsoft-Windows-Kernel-File/Create", "CreateOptions",
     lambda f, o, t, r: number(t) == number(o) & OPTIONS, "without the disposition"),
    (r".*", "FileName", drive_letter, "a drive letter, which it guesses"),
    (r"Windows Kernel/SystemConfig/Services", "ProcessName",
     lambda f, o, t, r: o == t + ".exe" or (o, t) == ("", "Idle"), "names without .exe; 'Idle' for none"),
    (r"Windows Kernel/SystemConfig/PnP", "PdoName", lambda f, o, t, r: t == "", "empty"),
    (r"Windows Kernel/SystemConfig/IRQ", "IRQNum", lambda f, o, t, r: t == "0", "always 0"),
    (r"Windows Kernel/SystemConfig/NIC", "PhysicalAddr",
     lambda f, o, t, r: begins(t, f"{number(o) - 2**64:,}"), "a signed number"),
    (r"KernelTraceControl/ImageID", "ProcessID", lambda f, o, t, r: (o, t) == ("4", "0"),
     "0 for the images of the kernel, which are of process 4"),
    (r"solar_system/.*", "char_type", lambda f, o, t, r: str(ord(o)) == t, "a character's number"),
    (r"solar_system/.*", "system_time_type",
     lambda f, o, t, r: o[2:19].replace("-", "/").replace("T", " ") == t[:17], "other milliseconds"),
]


def rendering(event, field, ours, theirs, rec):
    """Why it differs; None: nobody knows."""
    for events, fields, check, reason in RENDERINGS:
        if re.fullmatch(events, event) and re.fullmatch(fields, field) and check(field, str(ours), theirs, rec):
            return reason
    return None


# ------------------------------------------------------------------------------------------- comparing

def ticks(text):
    whole, fraction = re.match(r"(.*)\.(\d{7})Z", text).groups()
    return int(datetime.datetime.fromisoformat(whole + "+00:00").timestamp()) * 10**7 + int(fraction)


def records_by_time(program, trace):
    run = subprocess.run([program, "convert", trace, "--cache", "none", "-f", "jsonl"], capture_output=True, check=False)
    found, first = defaultdict(list), None
    for line in run.stdout.decode("utf-8").splitlines():
        rec = json.loads(line)
        time = ticks(rec["timestamp"])
        first = time if first is None else first
        found[(time - first) // 10].append(rec)
    return found


def compared(event, fields, rec):
    """(field, ours, theirs, "" where equal, else a reason or None) for what both have and can be compared."""
    data, out = {plain(k): v for k, v in rec.get("data", {}).items()}, []
    for field, theirs in fields:
        ours = data.get(plain(field))
        if ours is None or isinstance(ours, (dict, list)):
            continue
        if equal(ours, theirs):
            out.append((field, ours, theirs, ""))
            continue
        reason = rendering(event, field, ours, theirs, rec)
        words = number(ours) is not None and number(theirs) is None and not theirs.endswith(CUT)
        if reason or not words:  # a number that TraceEvent has a word for says nothing
            out.append((field, ours, theirs, reason))
    return out


def compare(program, trace, baseline, reasons):
    records, missing, equals, unlike = records_by_time(program, trace), 0, 0, 0
    for line in open(baseline, encoding="utf-8-sig"):
        head = re.match(r"EVENT ([\d,.]+): (\S.*?) PID=", line)
        if not head:
            continue
        time, event = round(float(head[1].replace(",", "")) * 1000), head[2]
        pairs = re.findall(r"(\w[\w.]*)=(.*?); (?=\w[\w.]*=|$)", line[line.index("PID="):].rstrip("\n"))
        processor = dict(pairs).get("ProceNum")
        fields = [(k, v) for k, v in pairs if k not in HEAD]
        tried = [compared(event, fields, rec) for at in range(time - 2, time + 3) for rec in records.get(at, ())
                 if str(rec.get("processor", "")) == processor]
        if not tried:
            missing += 1
            print("no record:", line[:150])
            continue
        best = max(tried, key=lambda t: (sum(why is not None for *_, why in t), -sum(why is None for *_, why in t)))
        for field, ours, theirs, why in best:
            equals += why == ""
            unlike += why is None
            if why:
                reasons[why] += 1
            elif why is None:
                print(f"{event} {field}: ours {ours!r}, theirs {theirs!r}")
    return missing, equals, unlike


def main():
    totals, reasons = Counter(), Counter()
    for trace, baseline in zip(sys.argv[2::2], sys.argv[3::2]):
        missing, equals, unlike = compare(sys.argv[1], trace, baseline, reasons)
        totals.update(missing=missing, equals=equals, unlike=unlike)
        print(f"{trace.rsplit('/', 1)[-1]}: {equals} fields equal, {unlike} unlike, {missing} events missing")
    for why, times in reasons.most_common():
        print(f"{times:6} {why}")
    print(f"{totals['equals']} equal, {sum(reasons.values())} rendered otherwise, {totals['unlike']} unlike")
    sys.exit(1 if totals["missing"] or totals["unlike"] or not totals["equals"] else 0)


main()
