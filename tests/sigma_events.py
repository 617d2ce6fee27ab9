"""Real events of Sysmon as the kernel and other providers tell them: sigma_events.py ETWKIT ETL_MAKE FOLDER SIGMA

SIGMA has the rules and, in regression/RULE-ID.json, an event for each of some of them that it must hit. Where ETW tells
the same (processes, images, files, pipes, the registry, opened processes), a trace is made that does, in the forms of the
kernel's logger, of providers and of the security log; the rule must hit it where it hits Sysmon's event without the fields
that ETW does not tell. Says what does not; the last line counts.
"""

import json
import pathlib
import subprocess
import sys

DRIVE = "\\Device\\HarddiskVolume3"
USER = "S-1-5-21-1000-2000-3000-1001"
SYSTEM = "NT AUTHORITY\\SYSTEM"
PROCESS, REGISTRY = "{22fb2cd6-0e7b-422b-a0c7-2fad1fd0e716}", "{70eb4f03-c1de-4f73-a051-33d13d5413bd}"
FILE, AUDIT_API = "{edd08927-9cc4-4e65-b970-c2560fb5c289}", "{e02a841c-75a3-4fa7-afc8-ae09cf9b7f23}"
SECURITY = "{54849625-5478-4994-a5ba-3e3b0328c30d}"
SYSMON = "5770385f-c22a-43e0-bf4c-06f5698ffbd9"

# What ETW tells of Sysmon's fields, by event id.
ACTOR = ("Image", "ProcessId")
TOLD = {1: ("Image", "CommandLine", "ParentImage", "ParentCommandLine", "ProcessId", "ParentProcessId", "User"),
        7: ACTOR + ("ImageLoaded",), 10: ("SourceImage", "TargetImage", "GrantedAccess"), 11: ACTOR + ("TargetFilename",),
        12: ACTOR + ("EventType", "TargetObject"), 13: ACTOR + ("EventType", "TargetObject", "Details"),
        17: ACTOR + ("EventType", "PipeName")}


def quoted(text):
    out = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + out.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t") + '"'


def device(path):
    return DRIVE + path[2:] if path[1:2] == ":" else path


def name_of(path):
    return path.rsplit("\\", 1)[-1]


def native_key(key):
    """As the kernel has it, which knows no CurrentControlSet."""
    key = key.replace("HKLM\\System\\CurrentControlSet\\", "HKLM\\SYSTEM\\ControlSet001\\")
    for short, long in (("HKLM", "\\REGISTRY\\MACHINE"), ("HKU", "\\REGISTRY\\USER"), ("HKCR", "\\REGISTRY\\MACHINE")):
        if key.startswith(short + "\\"):
            return long + key[len(short):]
    return key


def sid_of(event):
    return "S-1-5-18" if event.get("User") == SYSTEM else USER


# ---------------------------------------------------------------------------------------------- lines of a case

def process(hook, pid, parent, path, command_line, sid, by):
    return (f"system hook={hook} version=4 pid={by} tid=8 payload ptr:0xffffa00c00004000 u32:{pid},{parent},1 i32:259 "
            f"ptr:0x40000 u32:0 wbemsid:{sid} astr:{quoted(name_of(path).encode('ascii', 'replace').decode())} "
            f"wstr:{quoted(command_line)} wstr:\"\" wstr:\"\"")


def image(hook, pid, path):
    return (f"system hook={hook} version=3 pid={pid} tid=8 payload ptr:0x7ff7a0000000 ptr:0x6a000 u32:{pid},1,1 u8:12,1 "
            f"u16:0 ptr:0x7ff7a0000000 u32:0,0,0,0 wstr:{quoted(device(path))}")


def running(pid, path, sid=USER, command_line=""):
    """A process that was there when the recording began, and its image."""
    return [process("0x0303", pid, 4, path, command_line, sid, 4), image("0x1403", pid, path)]


def thread(pid):
    return (f"system hook=0x0503 version=3 pid={pid} tid={pid + 1} payload u32:{pid},{pid + 1} ptr:1 ptr:1 ptr:1 ptr:1 "
            f"ptr:0xf ptr:1 ptr:1 u32:0 u8:8,5,2,0 wstr:\"\"")


def whole(lines):
    head = ["trace buffer-size=65536 build=19045", "buffer"]
    system = process("0x0303", 712, 604, "C:\\Windows\\System32\\lsass.exe", "", "S-1-5-18", 4)
    end = ["full guid={9b79ee91-b5fd-41c0-a243-4248e266e9d0} opcode=35 payload "
           f"wstr:{quoted(DRIVE + chr(92))} wstr:{quoted('C:' + chr(92))}"]
    return "\n".join(head + [system] + lines + end) + "\n"


# ---------------------------------------------------------------------------------------------- forms of an event

def process_by_kernel(e):
    pid, parent = int(e["ProcessId"]), int(e["ParentProcessId"])
    return running(parent, e["ParentImage"], sid_of(e), e.get("ParentCommandLine", "")) + [
        process("0x0301", pid, parent, e["Image"], e["CommandLine"], sid_of(e), parent), image("0x030a", pid, e["Image"])]


def process_by_provider(e):
    """Kernel-Process, and the command line from the kernel's rundown at the end."""
    pid, parent = int(e["ProcessId"]), int(e["ParentProcessId"])
    if not name_of(e["Image"]).isascii():
        return None  # the rundown has another name, in the machine's code page
    return running(parent, e["ParentImage"], sid_of(e), e.get("ParentCommandLine", "")) + [
        f"event provider={PROCESS} id=1 version=0 task=1 opcode=1 level=4 keyword=0x8000000000000010 pid={parent} tid=8 "
        f"payload u32:{pid} filetime:2024-05-01T10:00:00.0000000Z u32:{parent},1 wstr:{quoted(device(e['Image']))}",
        process("0x0304", pid, parent, e["Image"], e["CommandLine"], sid_of(e), 4)]


def process_by_audit(e):
    return [f"event provider={SECURITY} id=4688 version=2 task=13312 keyword=0x8020000000000000 channel=10 pid=4 tid=40 "
            f"payload sid:{USER} wstr:{quoted(name_of(e.get('User', 'x')))} wstr:CORP u64:1 ptr:{int(e['ProcessId'])} "
            f"wstr:{quoted(e['Image'])} wstr:%%1938 ptr:{int(e['ParentProcessId'])} wstr:{quoted(e['CommandLine'])} "
            f"sid:S-1-0-0 wstr:- wstr:- u64:0 wstr:{quoted(e['ParentImage'])} sid:S-1-16-8192"]


def image_by_kernel(e):
    return running(int(e["ProcessId"]), e["Image"]) + [image("0x030a", int(e["ProcessId"]), e["ImageLoaded"])]


def image_by_provider(e):
    pid = int(e["ProcessId"])
    return running(pid, e["Image"]) + [
        f"event provider={PROCESS} id=5 version=0 level=4 keyword=0x8000000000000040 pid={pid} tid=8 payload "
        f"ptr:0x7ff700000000 ptr:0x1000 u32:{pid},1,1 ptr:0x7ff700000000 wstr:{quoted(device(e['ImageLoaded']))}"]


def opened(path):
    """A file or pipe that is made: 2 is FILE_CREATE."""
    def by_kernel(e):
        pid = int(e["ProcessId"])
        return running(pid, e["Image"]) + [thread(pid), "perfinfo hook=0x0440 version=3 payload ptr:0x20 "
                                           f"ptr:0xffffa80000000700 u32:{pid + 1},0x02000060,0x80,7 wstr:{quoted(path(e))}"]
    return by_kernel


def file_by_provider(e):
    pid = int(e["ProcessId"])
    return running(pid, e["Image"]) + [
        f"event provider={FILE} id=30 version=1 level=4 keyword=0x8000000000001000 pid={pid} tid={pid + 1} payload "
        f"ptr:0x20 ptr:0x21 u32:{pid + 1},0x02000060,0x80,7 wstr:{quoted(device(e['TargetFilename']))}"]


def registry_value(details):
    if details.startswith(("DWORD (0x", "QWORD (0x")):
        number = int(details[7:-1], 16)
        return (4, 4, f"u32:{number}") if details[0] == "D" else (11, 8, f"u64:{number}")
    if details == "Binary Data":
        return 3, 3, "hex:0102ff"
    text = "" if details == "(Empty)" else details
    return 1, 2 * len(text) + 2, f"wstr:{quoted(text)}"


def registry_by_provider(e):
    pid, head = int(e["ProcessId"]), f"level=4 keyword=0x8000000000000100"
    key, value = native_key(e["TargetObject"]).rsplit("\\", 1)
    value = "" if value == "(Default)" else value
    if e["EventType"] == "SetValue":
        kind, size, data = registry_value(e["Details"])
        line = (f"id=5 {head} pid={pid} tid=8 payload ptr:0x10 u32:0,{kind},{size} wstr:{quoted(key)} wstr:{quoted(value)} "
                f"u16:{size} {data} u32:0,0 u16:0")
    elif e["EventType"] == "DeleteValue":
        line = f"id=6 {head} pid={pid} tid=8 payload ptr:0x10 u32:0 wstr:{quoted(key)} wstr:{quoted(value)}"
    elif e["EventType"] == "DeleteKey":
        line = f"id=3 {head} pid={pid} tid=8 payload ptr:0x10 u32:0 wstr:{quoted(native_key(e['TargetObject']))}"
    else:
        line = (f"id=1 {head} pid={pid} tid=8 payload ptr:0 ptr:0x10 u32:0,1 wstr:\"\" "
                f"wstr:{quoted(native_key(e['TargetObject']))}")
    return running(pid, e["Image"]) + [f"event provider={REGISTRY} {line}"]


def access_by_provider(e):
    source, target = int(e["SourceProcessId"]), int(e["TargetProcessId"])
    return running(source, e["SourceImage"]) + running(target, e["TargetImage"]) + [
        f"event provider={AUDIT_API} id=5 version=0 level=4 keyword=0x8000000000000000 pid={source} tid=8 payload "
        f"u32:{target},{int(e['GrantedAccess'], 16)},0"]


FORMS = {1: [process_by_kernel, process_by_provider, process_by_audit], 7: [image_by_kernel, image_by_provider],
         10: [access_by_provider], 11: [opened(lambda e: device(e["TargetFilename"])), file_by_provider],
         12: [registry_by_provider], 13: [registry_by_provider], 17: [opened(lambda e: "\\Device\\NamedPipe" + e["PipeName"])]}


# ---------------------------------------------------------------------------------------------- judging

def sysmon_without(number, event):
    """Sysmon's event with what ETW tells."""
    told = [f for f in TOLD[number] if f in event and not (f == "User" and event[f] != SYSTEM)]
    head = f"provider={SYSMON} id={number} version=5 channel=16"
    fields = "; ".join("wstr " + f for f in told)
    values = " ".join("wstr:" + quoted(str(event[f])) for f in told)
    return ("trace buffer-size=65536\nbuffer\n"
            f"tdh-schema {head} provider-name=\"Microsoft-Windows-Sysmon\" fields={{{fields}}}\nevent {head} payload {values}\n")


def hits(args, text, rule):
    case, trace = pathlib.Path(args[2]) / "event.case", pathlib.Path(args[2]) / "event.etl"
    case.write_text(text)
    subprocess.run([args[1], str(case), str(trace)], check=True)
    ran = subprocess.run([args[0], "detect", "--cache", "none", "-q", "-f", "jsonl", "--rules", str(rule), str(trace)],
                         check=True, capture_output=True)
    return bool(ran.stdout)


def main():
    args = sys.argv[1:]
    root = pathlib.Path(args[3])
    rules = {}
    for path in root.glob("rules*/**/*.yml"):
        for line in path.read_text().splitlines():
            if line.startswith("id: "):
                rules[line[4:].strip()] = path
    counts = dict.fromkeys(("events", "told", "forms", "hit", "missed", "other_branch"), 0)
    for file in sorted((root / "regression").glob("*.json")):
        event = json.loads(file.read_text())["Event"]
        number = event["System"]["EventID"]
        counts["events"] += 1
        fields, rule = event.get("EventData"), rules[file.stem]
        if event["System"]["Provider"]["#attributes"]["Name"] != "Microsoft-Windows-Sysmon" or number not in FORMS:
            continue
        if not hits(args, sysmon_without(number, fields), rule):
            counts["other_branch"] += 1
            print(f"only with what ETW does not tell: {rule.name}")
            continue
        counts["told"] += 1
        for form in FORMS[number]:
            lines = form(fields)
            if lines is None:
                continue
            counts["forms"] += 1
            found = hits(args, whole(lines), rule)
            counts["hit" if found else "missed"] += 1
            if not found:
                print(f"missed: {rule.name} as {form.__name__}")
    print(" ".join(f"{name}={count}" for name, count in counts.items()))
    return 1 if counts["missed"] else 0


if __name__ == "__main__":
    sys.exit(main())
