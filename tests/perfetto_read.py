# What a Perfetto trace holds, by Perfetto's own schema (the `perfetto` package): a line of counts, and the checks that its
# importer makes of references. usage: perfetto_read.py FILE; 77: the package is not installed.
import sys

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


def main(path):
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
    print(" ".join(f"{name}={count}" for name, count in counts.items()))


main(*sys.argv[1:])
