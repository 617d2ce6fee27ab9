# The packets of `etwkit convert -o x.pcapng` beside those of another converter: same number and order, bytes, lengths,
# times and processes. usage: pcapng_peer.py CONVERTER ETWKIT TRACE...; CONVERTER is run with a trace and an output, as
# etl2pcapng is.
#
# Where the two may differ is said here: times of ours have one more digit; a frame that is marked as 802.11 and is
# Ethernet has that link in ours; the Protected bit of 802.11 frames that were logged decrypted is cleared in ours, also
# where PktMon logged them. etl2pcapng takes raw IP of NDIS to have an Ethernet header, 14 bytes; it does not write
# process 0, writes frames without bytes, and gives no output where there are no packets.
import collections
import os
import struct
import subprocess
import sys
import tempfile

ETHERNET, RAW_IP, WIFI, PROTECTED = 1, 101, 105, 0x40
# etl2pcapng 1.12 reads a member of its interfaces that it has not set; with this glibc's malloc gives zeros.
ZEROED = {**os.environ, "MALLOC_PERTURB_": "255"}
Packet = collections.namedtuple("Packet", "link time original frame process")


def options(body):
    found = {}
    while len(body) >= 4:
        code, length = struct.unpack_from("<HH", body)
        if not code:
            break
        found[code] = body[4 : 4 + length]
        body = body[4 + length + -length % 4 :]
    return found


def read(path):
    data = open(path, "rb").read() if os.path.exists(path) else b""
    links, packets, at = [], [], 0
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        body = data[at + 8 : at + length - 4]
        if struct.unpack_from("<I", data, at + length - 4)[0] != length:
            raise ValueError(f"{path}: the block at {at} has two lengths")
        if kind == 1:
            link = struct.unpack_from("<H", body)[0]
            unit = options(body[8:]).get(9, b"\6")[0]
            links.append((link, {6: 10, 7: 1}[unit]))
        elif kind == 6:
            interface, high, low, captured, original = struct.unpack_from("<IIIII", body)
            link, unit = links[interface]
            more = options(body[20 + captured + -captured % 4 :])
            frame = body[20 : 20 + captured]
            packets.append(Packet(link, (high << 32 | low) * unit, original, frame, more.get(8, bytes(8))))
        at += length
    return packets


def equal(ours, theirs):
    frame = ours.frame
    if ours.link == WIFI and len(frame) > 1:
        frame = frame[:1] + bytes([frame[1] | theirs.frame[1] & PROTECTED]) + frame[2:]
    original = ours.original + (14 if ours.link == RAW_IP and theirs.original == ours.original + 14 else 0)
    same_link = ours.link == theirs.link or (ours.link, theirs.link) == (ETHERNET, WIFI)
    return (
        same_link
        and ours.time // 10 == theirs.time // 10
        and (original, frame, ours.process) == (theirs.original, theirs.frame, theirs.process)
    )


def main(converter, program, *traces):
    total = 0
    with tempfile.TemporaryDirectory() as folder:
        mine, other = os.path.join(folder, "mine.pcapng"), os.path.join(folder, "other.pcapng")
        for trace in traces:
            run = [program, "convert", trace, "-q", "--no-hash", "--force", "-o", mine]
            if subprocess.run(run).returncode == 1:
                continue  # not a trace
            if os.path.exists(other):
                os.remove(other)
            subprocess.run([converter, trace, other], stdout=subprocess.DEVNULL, check=False, env=ZEROED)
            ours, theirs = read(mine), [packet for packet in read(other) if packet.frame]
            if len(ours) != len(theirs):
                sys.exit(f"{trace}: {len(ours)} packets, {len(theirs)} of {converter}")
            for number, (a, b) in enumerate(zip(ours, theirs), 1):
                if not equal(a, b):
                    sys.exit(f"{trace}, packet {number}:\n{a}\n{b}")
            total += len(ours)
    print(f"{total} packets are the same")


main(*sys.argv[1:])
