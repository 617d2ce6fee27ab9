# What a Perfetto trace holds, by Perfetto's own schema (the `perfetto` package): a line of counts, and the checks that its
# importer makes of references. usage: perfetto_read.py FILE, or perfetto_read.py ETWKIT TRACE... for the timelines of all
# of them, held against the events in JSON Lines; 77: the package is not installed.
import json
import os
import subprocess
import sys
import tempfile

try:
    from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace
except ImportError:
    sys.exit(77)


def unknown(message, path="Trace"):
    from google.protobuf.unknown_fields import UnknownFieldSet

    if len(UnknownFieldSet(message)):
        sys.exit(f"{path} has fields the schema does not know")
    for field, value in message.ListFields():
        if field.message_type:
            for one in value if hasattr(value, "append") or not hasattr(value, "ListFields") else [value]:
                unknown(one, f"{path}.{field.name}")


def read(path):
    trace = Trace()
    trace.ParseFromString(open(path, "rb").read())
    counts = dict(switches=0, samples=0, with_stack=0, slices=0, instants=0, threads=set(), frames=0)
    functions, mappings, frames, stacks, tracks, open_slices, last = {}, set(), {}, {}, set(), {}, 0
    assert trace.packet[0].sequence_flags & 1, "state is not cleared at first"
    for packet in trace.packet:
        unknown(packet)
        interned = packet.interned_data
        functions.update((one.iid, one.str) for one in interned.function_names)
        paths = {one.iid for one in interned.mapping_paths}
        for one in interned.mappings:
            assert set(one.path_string_ids) <= paths
            mappings.add(one.iid)
        for one in interned.frames:
            assert one.function_name_id in functions and one.mapping_id in mappings
            frames[one.iid] = functions[one.function_name_id].decode()
        for one in interned.callstacks:
            stacks[one.iid] = [frames[frame] for frame in one.frame_ids]
        if packet.HasField("ftrace_events"):
            for event in packet.ftrace_events.event:
                assert event.sched_switch.next_comm
                counts["switches"] += 1
        if packet.HasField("perf_sample"):
            counts["samples"] += 1
            if packet.perf_sample.callstack_iid:
                assert stacks[packet.perf_sample.callstack_iid]
                counts["with_stack"] += 1
                counts["frames"] += len(stacks[packet.perf_sample.callstack_iid])
        for thread in packet.process_tree.threads:
            counts["threads"].add(thread.tid)
        if packet.HasField("track_descriptor"):
            tracks.add(packet.track_descriptor.uuid)
        if packet.HasField("track_event"):
            event = packet.track_event
            assert event.track_uuid in tracks
            counts["instants"] += event.type == event.TYPE_INSTANT
            if event.type == event.TYPE_SLICE_BEGIN:
                assert packet.timestamp >= open_slices.get(event.track_uuid, 0), "slices overlap"
                counts["slices"] += 1
            elif event.type == event.TYPE_SLICE_END:
                open_slices[event.track_uuid] = packet.timestamp
    counts["threads"] = len(counts["threads"])
    counts["tracks"] = len(tracks)
    return counts


EVENTS = {"PerfInfo/SampleProf": "samples", "Thread/CSwitch": "switches"}


def compare(program, trace, folder):
    timeline, lines = os.path.join(folder, "x.pftrace"), os.path.join(folder, "x.jsonl")
    run = [program, "convert", trace, "-q", "--no-hash", "--force", "-o"]
    if subprocess.run(run + [timeline], stderr=subprocess.DEVNULL).returncode == 1:
        return {}  # not a trace
    where = " or ".join(f"event_name = '{name}'" for name in EVENTS)
    subprocess.run(run + [lines, "--where", where], check=False)
    wanted = dict.fromkeys(EVENTS.values(), 0)
    with open(lines, encoding="utf-8") as file:
        for line in file:
            record = json.loads(line)
            # What is left of a payload is not shown.
            wanted[EVENTS[record["event_name"]]] += record["state"] == "decoded"
    counts = read(timeline)
    if any(counts[name] != count for name, count in wanted.items()):
        sys.exit(f"{trace}: {wanted}, of the timeline {counts}")
    return counts


def main(first, *traces):
    counts = {}
    if not traces:
        counts = read(first)
    with tempfile.TemporaryDirectory() as folder:
        for trace in traces:
            for name, count in compare(first, trace, folder).items():
                counts[name] = counts.get(name, 0) + count
    print(" ".join(f"{name}={count}" for name, count in counts.items()))


main(*sys.argv[1:])
