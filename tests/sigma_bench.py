"""Sigma rules a second, beside Zircolite: sigma_bench.py ETWKIT ETL_MAKE FOLDER SIGMA [ZIRCOLITE]

The real events of SIGMA/regression again and again, as a trace and as JSON Lines, under all rules of SIGMA. What a program
takes for its start and for loading the rules is taken off: the time for few events from that for many. ZIRCOLITE is its
zircolite.py, run with this Python.
"""

import json
import os
import pathlib
import subprocess
import sys
import time

from sigma_events import SYSMON, quoted

FEW, MANY, MANY_THERE = 100, 20000, 2000


def real_events(root):
    events = []
    for file in sorted((root / "regression").glob("*.json")):
        whole = json.loads(file.read_text())
        if whole["Event"]["System"]["Provider"]["#attributes"]["Name"] == "Microsoft-Windows-Sysmon":
            events.append(whole)
    return events


def write_trace(etl_make, folder, events, count):
    versions, lines = {}, ["trace buffer-size=65536", "buffer"]
    for i in range(count):
        event = events[i % len(events)]["Event"]
        number, data = event["System"]["EventID"], event["EventData"]
        names = tuple(data)
        head = f"provider={SYSMON} id={number} version={versions.setdefault((number, names), len(versions))} channel=16"
        if i < len(events):
            fields = "; ".join("wstr " + n for n in names)
            lines.append(f'tdh-schema {head} provider-name="Microsoft-Windows-Sysmon" fields={{{fields}}}')
        lines.append(f"event {head} payload " + " ".join("wstr:" + quoted(str(data[n])) for n in names))
    case, trace = folder / f"{count}.case", folder / f"{count}.etl"
    case.write_text("\n".join(lines) + "\n")
    subprocess.run([etl_make, str(case), str(trace)], check=True)
    case.unlink()
    return trace


def write_lines(folder, events, count):
    path = folder / f"{count}.json"
    with path.open("w") as out:
        for i in range(count):
            out.write(json.dumps(events[i % len(events)]) + "\n")
    return path


def seconds(command, runs, cwd=None):
    best = None
    for _ in range(runs):
        began = time.monotonic()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=cwd)
        took = time.monotonic() - began
        best = took if best is None or took < best else best
    return best


def rate(few, many, count):
    return (count - FEW) / max(many - few, 1e-9)


def main():
    etwkit, etl_make, folder, root = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]), pathlib.Path(sys.argv[4])
    events = real_events(root)
    rules = [str(p) for p in sorted(root.glob("rules*")) if p.is_dir()]
    given = [w for r in rules for w in ("--rules", r)]
    detect = [etwkit, "detect", "--cache", "none", "--no-hash", "-q", "-j", "1", "-f", "jsonl"] + given
    times = [seconds(detect + [str(write_trace(etl_make, folder, events, n))], 3) for n in (FEW, MANY)]
    own = rate(*times, MANY)
    print(f"detect, 1 thread: {own:.0f} events a second under all rules, {times[0] * 1000:.0f} ms before the first")
    if len(sys.argv) < 6:
        print("Zircolite: not at hand (ZIRCOLITE)")
        return
    home = pathlib.Path(sys.argv[5]).resolve().parent
    other = [sys.executable, sys.argv[5], "--json-input", "-q", "-n", "-r"] + rules + ["-o", os.devnull, "-e"]
    times = [seconds(other + [str(write_lines(folder, events, n))], 1, home) for n in (FEW, MANY_THERE)]
    theirs = rate(*times, MANY_THERE)
    print(f"Zircolite: {theirs:.0f} events a second, {times[0]:.1f} s before the first; detect {own / theirs:.0f} x as fast")


main()
