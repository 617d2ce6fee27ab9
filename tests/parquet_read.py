# Whether a Parquet file says what the JSON Lines of the same records say: each column of each row by pyarrow, counts and
# sums by duckdb, polars and ClickHouse (chdb). usage: parquet_read.py OUT.parquet OUT.jsonl ...; 77: none of these readers is installed.
import datetime
import importlib
import json
import sys


def library(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def nanoseconds(text):
    try:
        time = datetime.datetime.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")
    except ValueError:
        return None
    since = time - datetime.datetime(1970, 1, 1)
    value = (since.days * 86400 + since.seconds) * 10**9 + int(text[20:27]) * 100
    return value if abs(value) < 2**63 - 99 else None


def wanted(name, value):
    if value is None:
        return None
    if name == "timestamp":
        return nanoseconds(value)
    if name == "keywords":
        return int(value, 16)
    if name == "keyword_names":
        return "|".join(value)
    return value


def check_values(table, rows):
    for name in table.column_names:
        column = table.column(name)
        if name == "timestamp":
            column = column.cast("int64")
        for at, (got, row) in enumerate(zip(column.to_pylist(), rows)):
            if name in ("data", "stack", "extended") and got is not None:
                got = json.loads(got)
            if got != wanted(name, row.get(name)):
                sys.exit(f"row {at}, {name}: {got!r}, not {wanted(name, row.get(name))!r}")
    unknown = {key for row in rows for key in row} - set(table.column_names)
    if unknown:
        sys.exit(f"not in the file: {unknown}")


def look_at(path, lines):
    rows = [json.loads(line) for line in open(lines, encoding="utf-8")]
    sums = (len(rows), sum(row["record"] for row in rows), sum(row.get("process_id", 0) for row in rows))
    readers = 0
    if arrow := library("pyarrow.parquet"):
        table = arrow.read_table(path)
        assert table.num_rows == len(rows), table.num_rows
        check_values(table, rows)
        readers += 1
    if duckdb := library("duckdb"):
        query = "select count(*), coalesce(sum(record), 0), coalesce(sum(process_id), 0), count(timestamp) from read_parquet(?)"
        got = duckdb.connect().execute(query, [path]).fetchone()
        assert got == sums + (sum(nanoseconds(row["timestamp"]) is not None for row in rows),), got
        # The statistics of row groups and pages must not hide rows.
        for at in range(0, len(rows), max(1, len(rows) // 5)):
            query = "select data from read_parquet(?) where record = ? and provider_id = ?"
            got = duckdb.connect().execute(query, [path, rows[at]["record"], rows[at]["provider_id"]]).fetchall()
            assert len(got) == 1, got
        readers += 1
    if polars := library("polars"):
        frame = polars.read_parquet(path)
        assert (frame.height, frame["record"].sum(), frame["process_id"].sum()) == sums
        readers += 1
    if chdb := library("chdb"):
        query = f"select count(), sum(record), sum(process_id), count(timestamp) from file('{path}', Parquet)"
        got = [int(part or 0) for part in chdb.query(query, "CSV").bytes().decode().replace("\\N", "0").split(",")]
        assert tuple(got) == sums + (sum(nanoseconds(row["timestamp"]) is not None for row in rows),), got
        readers += 1
    return readers


def main(pairs):
    for path, lines in zip(pairs[::2], pairs[1::2]):
        print(path, flush=True)
        if not look_at(path, lines):
            return 77
    return 0


sys.exit(main(sys.argv[1:]))
