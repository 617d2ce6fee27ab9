# The commands that the documents show, run as they are written. usage: recipes.py TOOL ETWKIT; TOOL is one of TOOLS, or
# "etwkit" for those that need no other. 77: the tool is not there.
#
# Commands are in indented blocks. Those after "$ " have what they print below them, which must come out (blanks and ends
# of lines apart, "..." stands for anything); all others must succeed. They run in a folder that has the samples, and traces of the names that the
# documents use. Hosts are replaced by a server that takes what Elasticsearch and Splunk take, and refuses what they refuse.
import glob
import http.server
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import zipfile

DOCUMENTS = ["README.md", "exporters/README.md", "cli/README.md"]
TOOLS = {
    "duckdb": "duckdb",
    "clickhouse": "clickhouse",
    "pandas": "import pandas",
    "polars": "import polars",
    "postgres": "psql",
    "tshark": "tshark",
    "speedscope": "speedscope",
    "flamegraph": "flamegraph.pl",
    "http": "curl",
    "timesketch": "timesketch_importer",
}
PLAIN = "etwkit sqlite3 for cat ls head".split()
# What is no command of this kind, by how it begins, and why.
NOT_RUN = {
    "make ": "builds",
    "logman ": "runs on Windows",
    "etwkit convert TRACE... -o OUT": "a synopsis",
    "etwkit report TRACE... -o OUT.html": "a synopsis",
    "etwkit ddl duckdb|clickhouse|postgres|sqlite": "a synopsis",
    "etwkit carve IMAGE -o FOLDER": "a synopsis",
    "etwkit verify FILE.provenance.json... [--again]": "a synopsis",
    "etwkit schemas add PATH...": "a synopsis",
    "etwkit schemas list  ": "a synopsis",
    "etwkit schemas search dns clientpid  ": "a synopsis",
    "etwkit schemas show PROVIDER": "a synopsis",
    "etwkit schemas export PROVIDER": "a synopsis",
    "etwkit schemas add disk.E01": "needs an image",
    "etwkit schemas add /mnt": "needs a system drive",
    'etwkit schemas add "/mnt': "needs a system drive",
    "etwkit carve disk.img": "needs an image",
    "for i in 1 2 3; do etwkit convert large.etl --shard": "waits for jobs of its own",
    "cat part-1.csv": "needs the parts of the line before it",
}
PACKET = (
    "trace\nevent provider={4d4f80d9-c8bd-4d73-bb5b-19c90402c5ac} id=160 keyword=0x10 pid=4 tid=8 payload "
    "u64:281474976710657 u16:1,2,3,1,5,6,1 u32:0,0 u16:42,42 hex:0a0b0c0d0e0f01020304050608004500001c00010000401100000a"
    "0000010a0000020001000200080000\n"
)
TRACES = {"X.etl": "incident", "large.etl": "processes", "WindowsUpdate.1.etl": "service", "dns.etl": "dns"}


# ------------------------------------------------------------------------------------- documents


def is_open(command):  # within quotes
    return len(re.sub(r"\\.|'[^']*'|\"(\\.|[^\"\\])*\"", "", command).replace("'", '"').split('"')) > 1


# Blocks as lists of (command, what it prints or None).
def blocks(text):
    block, at = [], 0
    lines = [line for line in text.splitlines()]
    while at <= len(lines):
        line = lines[at] if at < len(lines) else "end"
        if not line.startswith("    ") and (line or not block or block[-1][1] is None):
            if block:
                yield block
            block = []
        elif line:
            command = line[4:]
            shown = command.startswith("$ ")
            if block and block[-1][1] is not None and not shown:
                block[-1][1].append(command)
            else:
                command = command[2:] if shown else command
                while is_open(command) and at + 1 < len(lines):
                    at += 1
                    command += "\n" + lines[at].strip()
                block.append((command, [] if shown else None))
        at += 1


def kind(command):
    for begin in NOT_RUN:
        if command.startswith(begin):
            return None
    for tool, words in TOOLS.items():
        if words in command:
            return tool
    return "etwkit" if command.split()[0] in PLAIN else "no command"


# ------------------------------------------------------------------------------------- servers


class Refusal(Exception):
    pass


def take_bulk(lines):
    for action, document in zip(lines[::2], lines[1::2], strict=True):
        if list(json.loads(action)) != ["index"] or "@timestamp" not in json.loads(document):
            raise Refusal(action)
    return len(lines) // 2


def take_events(lines):
    for line in lines:
        event = json.loads(line)
        if not event["event"] or not isinstance(event["time"], (int, float)):
            raise Refusal(line)
    return len(lines)


class Server(http.server.BaseHTTPRequestHandler):
    taken = 0

    def do_POST(self):  # noqa: N802, the name is the module's
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        lines = body.splitlines()
        try:
            if self.path.endswith("/_bulk"):
                if self.headers["Content-Type"] != "application/x-ndjson" or not body.endswith("\n"):
                    raise Refusal("not NDJSON")
                Server.taken = take_bulk(lines)
            elif self.path == "/services/collector/event":
                if not self.headers["Authorization"].startswith("Splunk "):
                    raise Refusal("no token")
                Server.taken = take_events(lines)
            self.send_response(200)
        except (Refusal, ValueError, KeyError) as wrong:
            print(f"refused: {wrong}", file=sys.stderr)
            self.send_response(400)
        self.end_headers()
        self.wfile.write(b"{}\n")

    def log_message(self, *_):
        pass


def start_server():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


# A cluster of its own, for as long as the test runs; as nobody, as PostgreSQL does not run as root.
class Postgres:
    def __init__(self, folder):
        found = sorted(glob.glob("/usr/lib/postgresql/*"))
        if not found or not shutil.which("psql") or not shutil.which("setpriv"):
            raise FileNotFoundError
        self.folder = os.path.join(folder, "pg")
        os.mkdir(self.folder)
        self.control = [os.path.join(found[-1], "bin", "pg_ctl"), "-D", os.path.join(self.folder, "data"), "-s", "-w"]
        self.as_user = []
        if os.getuid() == 0:
            os.chmod(folder, 0o755)
            shutil.chown(self.folder, "nobody")
            self.as_user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
        self.run("initdb", "-o", "-U postgres -A trust")
        self.run("start", "-l", os.path.join(self.folder, "log"), "-o", f"-k {self.folder} -c listen_addresses=''")
        self.environment = {"PGHOST": self.folder, "PGUSER": "postgres", "PGDATABASE": "postgres"}

    def run(self, *arguments):
        subprocess.run(self.as_user + self.control + list(arguments), check=True, stdout=subprocess.DEVNULL)

    def stop(self):
        self.run("stop", "-m", "fast")


# ------------------------------------------------------------------------------------- programs of these names


CLICKHOUSE = """
import argparse, sys
from chdb.session import Session
parser = argparse.ArgumentParser()
parser.add_argument("mode", choices=["local"])
parser.add_argument("--path")
parser.add_argument("-q")
given = parser.parse_args()
session = Session(given.path) if given.path else Session()
text = given.q or sys.stdin.read()
text = "\\n".join(line for line in text.splitlines() if not line.startswith("--"))
if given.path:
    session.query("CREATE DATABASE IF NOT EXISTS d ENGINE = Atomic")
    session.query("USE d")
for statement in text.split(";"):
    if statement.strip():
        print(session.query(statement, "CSV").bytes().decode(), end="")
"""
TIMESKETCH = """
import sys
from timesketch.lib.utils import read_and_validate_jsonl
with open(sys.argv[-1], encoding="utf-8") as file:
    print(sum(1 for _ in read_and_validate_jsonl(file)), "events")
"""
# Whether its page opens the file is for browser/speedscope.sh.
SPEEDSCOPE = """
import json, sys
assert json.load(open(sys.argv[1]))["profiles"] is not None
print("opened")
"""


def add_program(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)


def importable(name):
    return subprocess.run([sys.executable, "-c", f"import {name}"], stderr=subprocess.DEVNULL, check=False).returncode == 0


# False: the tool is not there.
def add_programs(tool, program, folder):
    python = f"#!/bin/sh\nexec '{sys.executable}' "
    add_program(folder, "etwkit", f"#!/bin/sh\nexec '{os.path.abspath(program)}' \"$@\"\n")
    add_program(folder, "python3", python + '"$@"\n')
    if tool in ("pandas", "polars"):
        return importable(tool) and importable("pyarrow")
    own = {
        "clickhouse": ("chdb", CLICKHOUSE),
        "timesketch": ("timesketch.lib.utils", TIMESKETCH),
        "speedscope": ("json", SPEEDSCOPE),
    }
    if tool in own:
        package, text = own[tool]
        script = os.path.join(folder, f"as_{tool}.py")
        add_program(folder, f"as_{tool}.py", text)
        add_program(folder, TOOLS[tool], python + f"'{script}' \"$@\"\n")
        return importable(package)
    if tool == "duckdb" and not shutil.which("duckdb"):
        beside = os.path.join(os.path.dirname(sys.executable), "duckdb")
        if os.path.exists(beside):
            os.symlink(beside, os.path.join(folder, "duckdb"))
    if tool in ("etwkit", "http") and not shutil.which("jq"):
        return False
    return tool == "etwkit" or shutil.which(TOOLS[tool], path=folder + ":" + os.environ["PATH"]) is not None


def add_traces(program, folder):
    shutil.copytree("samples", os.path.join(folder, "samples"))
    for name, sample in TRACES.items():
        shutil.copy(f"samples/{sample}.etl", os.path.join(folder, name))
    with open(os.path.join(folder, "packet.case"), "w", encoding="utf-8") as file:
        file.write(PACKET)
    maker = os.path.join(os.path.dirname(os.path.abspath(program)), "etl_make")
    subprocess.run([maker, "packet.case", "PktMon.etl"], cwd=folder, check=True)
    os.mkdir(os.path.join(folder, "FOLDER"))
    with zipfile.ZipFile(os.path.join(folder, "collection.zip"), "w") as archive:
        for name in ("samples/dns.etl", "samples/processes.etl"):
            archive.write(name)


# ------------------------------------------------------------------------------------- running


def squeezed(text):
    return re.sub(r"\s+", "", text)


# "..." is for what is not shown.
def is_shown(printed, text):
    pattern = ".*".join(map(re.escape, squeezed("\n".join(printed)).split("...")))
    return re.fullmatch(pattern, squeezed(text)) is not None


def run(command, printed, folder, environment, port):
    text = command.replace("https://HOST:8088", f"http://127.0.0.1:{port}").replace("HOST:9200", f"127.0.0.1:{port}")
    text = re.sub(r"\| less$", "| cat", text)
    Server.taken = 0
    done = subprocess.run(["bash", "-o", "pipefail", "-c", text], cwd=folder, env=environment, capture_output=True)
    out, said = (
        text.decode(errors="replace").replace(environment["XDG_CACHE_HOME"], "/home/you/.cache")
        for text in (done.stdout, done.stderr)
    )
    if printed:  # with or without what is said to people
        if not any(is_shown(printed, text) for text in (out, said, out + said)):
            return f"it prints\n{out}{said}"
        return None
    if done.returncode not in (0, 3):
        return f"exit code {done.returncode}\n{done.stdout.decode()[-1000:]}{done.stderr.decode()[-2000:]}"
    if "curl" in command and not Server.taken:
        return "the server took nothing"
    return None


def main(tool, program):
    failed, count = 0, 0
    with tempfile.TemporaryDirectory() as top:
        bin_folder = os.path.join(top, "bin")
        os.mkdir(bin_folder)
        if not add_programs(tool, program, bin_folder):
            sys.exit(77)
        path = bin_folder + ":" + os.environ["PATH"]
        environment = {**os.environ, "PATH": path, "XDG_CACHE_HOME": top, "LC_ALL": "C.UTF-8"}
        server, postgres = start_server(), None
        if tool == "postgres":
            try:
                postgres = Postgres(top)
            except FileNotFoundError:
                sys.exit(77)
            environment.update(postgres.environment)
        for document in DOCUMENTS:
            with open(document, encoding="utf-8") as file:
                found = list(blocks(file.read()))
            folder = os.path.join(top, document.replace("/", "-"))
            os.mkdir(folder)
            add_traces(program, folder)
            for block in found:
                kinds = [kind(command) for command, _ in block]
                if tool not in kinds:
                    continue
                for (command, printed), of in zip(block, kinds):
                    if of not in (tool, "etwkit"):
                        continue
                    wrong = run(command, printed, folder, environment, server.server_port)
                    count += of == tool
                    if wrong:
                        print(f"{document}: {command}\n{wrong}", file=sys.stderr)
                        failed += 1
        server.shutdown()
        if postgres:
            postgres.stop()
    print(f"{count} commands with {tool}")
    sys.exit(1 if failed or not count else 0)


if len(sys.argv) == 2:  # a list of all
    for document in DOCUMENTS:
        with open(document, encoding="utf-8") as file:
            for block in blocks(file.read()):
                for command, printed in block:
                    print(document, kind(command), repr(command[:110]), printed if printed is None else len(printed))
else:
    main(*sys.argv[1:])
