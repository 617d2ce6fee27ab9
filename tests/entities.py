"""Who was there and what was done, put together anew: entities.py ETWKIT TRACE...

Reads the records of each trace as JSON Lines and the tables of its SQLite output, puts processes together from the
records by what the format says of these events, counts what was done, and compares: each process with parent, start, end,
name and command line, and the activities of images, files, registry, network and DNS by kind. Says what differs; the last
line counts.
"""

import collections
import json
import os
import sqlite3
import subprocess
import sys
import tempfile

KERNEL, PROVIDER, AUDIT = "MSNT_SystemTrace", "Microsoft-Windows-Kernel-Process", "Microsoft-Windows-Security-Auditing"


def number(value):
    return int(value, 16) if isinstance(value, str) and value[:2] == "0x" else int(value)


def tail(path):
    return path.rsplit("\\", 1)[-1]


class Life:
    def __init__(self, pid, time):
        self.pid, self.seen, self.start, self.end = pid, time, None, None
        self.key = self.parent = None
        self.name = self.command = ""
        self.ended = False

    def take(self, data):
        if data.get("UniqueProcessKey") and number(data["UniqueProcessKey"]):
            self.key = data["UniqueProcessKey"]
        parent = data.get("ParentId", data.get("ParentProcessID"))
        if parent is not None and self.parent is None:
            self.parent = number(parent)
        name = tail(data.get("ImageFileName") or data.get("ImageName") or "")
        self.name = name if len(name) > len(self.name) else self.name
        self.command = self.command or data.get("CommandLine") or ""


def of_process(record):
    """What a record says of a process: start, end, there or dead, and of which."""
    name, data = record.get("event_name", ""), record.get("data", {})
    if record.get("provider") == KERNEL and name.startswith("Process/"):
        kinds = {"Start": "start", "End": "end", "DCStart": "there", "DCEnd": "there", "Defunct": "dead"}
        kind = kinds.get(name[8:])
        return (kind, number(data["ProcessId"])) if kind and "ProcessId" in data else (None, None)
    if record.get("provider") == PROVIDER and "ProcessID" in data:
        kind = {1: "start", 2: "end", 15: "there"}.get(record["event_id"])
        return kind, number(data["ProcessID"]) if kind else None
    return None, None


def lives_of(records):
    """By process id, in order of time. A start begins a life unless another provider told the same one just before."""
    lives = collections.defaultdict(list)
    for record in records:
        kind, pid = of_process(record)
        if not kind:
            continue
        data, time = record["data"], record["timestamp"]
        last = lives[pid][-1] if lives[pid] else None
        told = (last and kind == "start" and not last.ended and last.start
                and (last.start == data.get("CreateTime", "")[:27] + "Z" or last.by != record["provider"]))
        if kind == "start" and not told or not last:
            last = Life(pid, time)
            last.by = record["provider"]
            lives[pid].append(last)
            if kind == "start":
                last.start = time
        if data.get("CreateTime"):
            last.start = data["CreateTime"][:27] + "Z"
        if kind in ("end", "dead"):
            exact = data.get("ExitTime")
            if kind == "end":
                last.end = exact[:27] + "Z" if exact else last.end or time
            elif exact and not last.end:
                last.end = exact[:27] + "Z"
            last.ended = True
        last.take(data)
    return lives


def parent_of(lives, child):
    """Who had the parent's id when the child started; before the recording, the first who had it."""
    for life in lives.get(child.parent, ()):
        if life is child:
            continue
        if child.start:
            if (not life.start or life.start <= child.start) and (not life.end or child.start <= life.end):
                return life
        elif not life.start:
            return life
    return None


def told(life):
    return (life.pid, life.start, life.end, life.name or None, life.command or None, life.parent)


def check_processes(records, db, say):
    lives = lives_of(records)
    own = {}
    for all_of in lives.values():
        for life in all_of:
            parent = parent_of(lives, life)
            own.setdefault(told(life), []).append(told(parent) if parent else None)
    rows = db.execute("SELECT id,process_id,start,\"end\",name,command_line,parent_id,parent FROM processes").fetchall()
    by_id = {row[0]: row[1:7] for row in rows}
    for row in rows:
        parents = own.get(row[1:7])
        if not parents:
            say("process %s is not in the records" % (row[1:7],))
            continue
        parent = by_id.get(row[7])
        if parent not in parents:
            say("process %s has the parent %s, by the records %s" % (row[1:7], parent, parents))
        else:
            parents.remove(parent)
    for life, left in own.items():
        for _ in left:
            say("process %s of the records is not there" % (life,))
    return len(rows)


def check_paths(records, db, say):
    """A process has the path of an image of its name that was loaded in it."""
    paths = collections.defaultdict(set)
    for record in records:
        data, name = record.get("data", {}), record.get("event_name", "")
        if record.get("provider") == KERNEL and name in ("Image/Load", "Image/DCStart", "Image/DCEnd", "Image/UnLoad"):
            if data.get("FileName"):
                paths[number(data.get("ProcessId", record.get("process_id", 0)))].add(data["FileName"].lower())
        elif record.get("provider") == PROVIDER and data.get("ImageName"):
            paths[number(data["ProcessID"])].add(data["ImageName"].lower())
    for pid, name, path in db.execute("SELECT process_id,name,image_path FROM processes WHERE process_id<>0"):
        told = {p for p in paths[pid] if name and "\\" in p and tail(p) == name.lower()}
        # Without its drive or server; Windows' own folder is told as \SystemRoot as well.
        rest = path.lower()[2 if path[1] == ":" or path[:2] == "\\\\" else 0:] if path else ""
        ends = (rest, rest[len("\\windows"):] if rest.startswith("\\windows\\") else rest)
        if bool(path) != bool(told) and not (path and rest in "\n".join(paths[pid])):
            say("process %u %s has the path %s, by the records %s" % (pid, name, path, told))
        elif path and not any(p.endswith(ends) for p in told):
            say("process %u %s has the path %s, by the records %s" % (pid, name, path, told))


def check_versions(records, db, say):
    """The original name of the image that has the process's name, as the file at its address says."""
    files, infos, resources = {}, {}, {}
    for record in records:
        data, name = record.get("data", {}), record.get("event_name", "")
        if record.get("provider") == KERNEL and name[:6] == "Image/" and "ImageBase" in data:
            files[number(data.get("ProcessId", 0)), data["ImageBase"]] = tail(data.get("FileName", "")).lower()
        elif name == "ImageID/Info":
            infos[number(data["ProcessId"]), data["ImageBase"]] = data
        elif name == "ImageID/FileVersion":
            resources[number(data["ImageSize"]), number(data["TimeDateStamp"])] = data
    wanted = collections.defaultdict(set)
    for (pid, base), data in infos.items():
        more = resources.get((number(data["ImageSize"]), number(data["TimeDateStamp"])), {})
        wanted[pid, files.get((pid, base))].add((more.get("OrigFileName") or data["OriginalFileName"] or None,
                                                 more.get("FileDescription") or None, more.get("CompanyName") or None))
    for pid, name, *told in db.execute("SELECT process_id,name,original_name,description,company FROM processes"):
        known = wanted.get((pid, (name or "").lower()), {(None, None, None)})
        if tuple(told) not in known:
            say("process %u %s says of itself %s, by the records %s" % (pid, name, told, known))


# Kind of activity: records that show it, as (provider, event name or id); what of it must be the same.
SHOWN = {
    "image_load": ("Image/Load",),
    "file_write": ("FileIo/Write",),
    "file_delete": ("FileIo/Delete", "FileIo/DeletePath", "FileIo/DletePath"),
    "file_rename": ("FileIo/Rename", "FileIo/RenamePath"),
    "registry_add": ("Registry/Create",),
    "registry_set": ("Registry/SetValue",),
    "registry_delete": ("Registry/Delete",),
    "registry_delete_value": ("Registry/DeleteValue",),
    "connect": ("TcpIp/ConnectIPV4", "TcpIp/ConnectIPV6"),
    "accept": ("TcpIp/AcceptIPV4", "TcpIp/AcceptIPV6"),
    "send": ("TcpIp/SendIPV4", "TcpIp/SendIPV6"),
    "receive": ("TcpIp/RecvIPV4", "TcpIp/RecvIPV6", "UdpIp/RecvIPV4", "UdpIp/RecvIPV6"),
    "datagram": ("UdpIp/SendIPV4", "UdpIp/SendIPV6"),
}
BY_ID = {
    (PROVIDER, 5): "image_load",
    ("Microsoft-Windows-Kernel-File", 16): "file_write",
    ("Microsoft-Windows-Kernel-File", 26): "file_delete",
    ("Microsoft-Windows-Kernel-File", 27): "file_rename",
    ("Microsoft-Windows-Kernel-Registry", 1): "registry_add",
    ("Microsoft-Windows-Kernel-Registry", 3): "registry_delete",
    ("Microsoft-Windows-Kernel-Registry", 5): "registry_set",
    ("Microsoft-Windows-Kernel-Registry", 6): "registry_delete_value",
    ("Microsoft-Windows-DNS-Client", 3006): "dns_query",
    ("Microsoft-Windows-DNS-Client", 3008): "dns_query",
    ("Microsoft-Windows-DNS-Client", 3020): "dns_answer",
}
NETWORK = {10: "send", 11: "receive", 12: "connect", 15: "accept", 26: "send", 27: "receive", 28: "connect", 31: "accept",
           42: "datagram", 43: "receive", 58: "datagram", 59: "receive"}


def kind_of(record):
    if record.get("provider") == KERNEL:
        for kind, names in SHOWN.items():
            if record.get("event_name") in names:
                return kind
        return None
    if record.get("provider") == "Microsoft-Windows-Kernel-Network":
        return NETWORK.get(record["event_id"])
    return BY_ID.get((record.get("provider"), record["event_id"]))


def object_of(record):
    """The end of a file's or image's name, a size, an address: what the activity must have from the payload."""
    data = record.get("data", {})
    for field in ("FileName", "ImageName", "FilePath", "OpenPath"):
        if data.get(field):
            return tail(data[field])
    if kind_of(record) == "receive" and ("Udp" in record.get("event_name", "") or record["event_id"] in (43, 59)):
        return data.get("saddr")
    for field in ("IoSize", "IOSize", "QueryName", "daddr"):
        if field in data:
            return data[field]
    return None


def check_connections(db, say):
    """Traffic of the kernel belongs to the connection with its ends, whose totals are those of its activities."""
    ends = ("FROM activities a LEFT JOIN connections c ON c.process_id=a.process_id AND lower(c.protocol)=a.protocol AND "
            "c.local_address=a.local_address AND c.local_port=a.local_port AND c.remote_address=a.address AND "
            "c.remote_port=a.port AND c.host_id=a.host_id WHERE a.kind IN ('connect','accept','send','receive','datagram')")
    for record, own, joined in db.execute("SELECT a.record,a.connection,c.id " + ends + " AND a.connection IS NOT c.id"):
        say("record %u is of connection %s, by its ends %s" % (record, own, joined))
    for row in db.execute("SELECT c.id,c.sends,c.receives,sum(a.kind IN ('send','datagram')),sum(a.kind='receive') FROM "
                          "connections c JOIN activities a ON a.connection=c.id GROUP BY c.id"):
        if row[1] > row[3] or row[2] > row[4]:
            say("connection %u has %u sends and %u receives, its activities are %u and %u" % row)


def check_activities(records, db, say):
    rows = collections.defaultdict(list)
    for row in db.execute("SELECT record,kind,path,bytes,name,address,process_id,process FROM activities"):
        rows[row[0]].append(row)
    pids = {row[0]: row[1:] for row in db.execute("SELECT id,process_id,valid_from,valid_until FROM processes")}
    checked = 0
    for record in records:
        kind, wanted = kind_of(record), object_of(record)
        if not kind:
            continue
        checked += 1
        found = [row for row in rows[record["record"]] if row[1] == kind or (kind == "image_load" and row[1] == "driver_load")]
        if not found:
            say("record %u shows %s, no activity does" % (record["record"], kind))
            continue
        for row in found:
            values = {tail(row[2]) if row[2] else None, row[3], row[4], row[5], row[2]}
            if wanted is not None and wanted not in values and kind.split("_")[0] != "registry":
                say("record %u: %s of %r, by the activity %s" % (record["record"], kind, wanted, row))
            if row[7] is not None and pids[row[7]][0] != row[6]:
                say("record %u: process %u is not that of row %u" % (record["record"], row[6], row[7]))
    check_connections(db, say)
    shown = collections.Counter(kind_of(record) for record in records)
    for kind, count in db.execute("SELECT kind,count(DISTINCT record) FROM activities GROUP BY kind"):
        known = set(SHOWN) | set(BY_ID.values()) | set(NETWORK.values())
        if kind in known and count > shown[kind]:
            say("%u records show %s, %u activities do" % (shown[kind], kind, count))
    return checked


def judge(etwkit, trace, folder):
    database, said = os.path.join(folder, "out.db"), []
    quiet = ["-q", "--no-hash", "--cache", "none"]
    lines = subprocess.run([etwkit, "convert", trace, *quiet, "-f", "jsonl"], stdout=subprocess.PIPE, check=False).stdout
    subprocess.run([etwkit, "convert", trace, *quiet, "--force", "-o", database], check=False)
    records = [json.loads(line) for line in lines.decode("utf-8").splitlines() if line]
    db = sqlite3.connect(database)
    processes = check_processes(records, db, said.append)
    check_paths(records, db, said.append)
    check_versions(records, db, said.append)
    activities = check_activities(records, db, said.append)
    for text in said[:20]:
        print("%s: %s" % (os.path.basename(trace), text))
    db.close()
    return processes, activities, len(said)


def main():
    totals = [0, 0, 0]
    with tempfile.TemporaryDirectory() as folder:
        for trace in sys.argv[2:]:
            for i, count in enumerate(judge(sys.argv[1], trace, folder)):
                totals[i] += count
    print("%u processes, %u activities, %u differ" % tuple(totals))
    return totals[2] != 0


sys.exit(main())
