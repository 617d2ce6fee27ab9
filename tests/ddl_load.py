# Whether a database loads what `etwkit ddl` prints for it: each trace's JSON Lines by the printed statements, a row for each
# record. usage: ddl_load.py ETWKIT duckdb|clickhouse FOLDER TRACE...; 77: the database's package is not installed. FOLDER
# is one for temporary files.
import importlib
import os
import subprocess
import sys


def open_database(name):
    try:
        if name == "duckdb":
            connection = importlib.import_module("duckdb").connect()
            return lambda sql: connection.execute(sql).fetchall()
        session = importlib.import_module("chdb.session").Session()
        session.query("CREATE DATABASE d ENGINE = Atomic")
        session.query("USE d")
        return lambda sql: [line.split(",") for line in session.query(sql, "CSV").bytes().decode().split()]
    except ImportError:
        sys.exit(77)


def main(program, name, folder, *traces):
    query = open_database(name)
    printed = subprocess.run([program, "ddl", name], capture_output=True, text=True, check=True).stdout
    lines = "\n".join(line for line in printed.splitlines() if not line.startswith("--"))
    statements = [statement for statement in lines.split(";") if statement.strip()]
    os.chdir(folder)
    for trace in traces:
        code = subprocess.run([program, "convert", trace, "--no-hash", "-q", "--force", "-o", "events.jsonl"]).returncode
        if code == 1:
            continue  # not a trace
        query("DROP TABLE IF EXISTS events")
        for statement in statements:
            query(statement)
        wanted = sum(1 for _ in open("events.jsonl", "rb"))
        count, numbers = query("SELECT count(*), coalesce(sum(record), 0) FROM events")[0]
        if (int(count), int(numbers)) != (wanted, wanted * (wanted + 1) // 2):
            sys.exit(f"{trace}: {count} rows of {wanted} records")


main(*sys.argv[1:])
