# Packets of traces as tshark and capinfos see them: as many frames as there are packet events, and none malformed. usage:
# pcapng_judge.py ETWKIT TRACE...; 77: there is no tshark. Packet events are counted in JSON Lines, by provider and id.
#
# TCP streams are not put together: PktMon logs a packet in each component that it passes, where tshark takes the copies
# for segments that overlap.
import json
import os
import shutil
import subprocess
import sys
import tempfile

PACKETS = {
    "2ed6006e-4729-4609-b423-3ee7bcd678ef": (1001, 1003),
    "4d4f80d9-c8bd-4d73-bb5b-19c90402c5ac": (160, 170),
    "d84521f7-2235-4237-a7c0-14e3a9676286": (5001, 5002),
}
END = 0x80000000  # the keyword of a frame's last part


def output(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout.decode()


def is_packet(line):
    record = json.loads(line)
    if record["event_id"] not in PACKETS.get(record["provider_id"], ()):
        return False
    return not record["event_id"] in (1001, 1003) or int(record["keywords"], 16) & END != 0


def main(program, *traces):
    if not shutil.which("tshark") or not shutil.which("capinfos"):
        sys.exit(77)
    total = 0
    with tempfile.TemporaryDirectory() as folder:
        capture, lines = os.path.join(folder, "x.pcapng"), os.path.join(folder, "x.jsonl")
        for trace in traces:
            run = [program, "convert", trace, "-q", "--no-hash", "--force", "-o"]
            if subprocess.run(run + [capture], stderr=subprocess.DEVNULL).returncode == 1:
                continue  # not a trace
            subprocess.run(run + [lines], check=False)
            with open(lines, "rb") as file:
                events = sum(map(is_packet, file))
            frames = int(output("capinfos", "-TrcM", capture).split("\t")[-1].replace("n/a", "0") or 0)
            if events != frames:
                sys.exit(f"{trace}: {events} packet events, {frames} frames")
            malformed = output(
                "tshark", "-o", "tcp.desegment_tcp_streams:FALSE", "-r", capture, "-Y", "_ws.malformed"
            )
            if malformed:
                sys.exit(f"{trace}: malformed\n{malformed}")
            total += frames
    print(f"{total} frames")


main(*sys.argv[1:])
