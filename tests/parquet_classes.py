# Whether the files of `--by-class` say what the JSON Lines of the same records say: each column of each row, fields of
# payloads by their types. usage: parquet_classes.py FOLDER OUT.jsonl ...; 77: pyarrow is not installed.
import datetime
import glob
import json
import math
import sys

try:
    import pyarrow
    import pyarrow.parquet
except ImportError:
    sys.exit(77)


def nanoseconds(text):
    try:
        time = datetime.datetime.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")
    except ValueError:
        return None
    since = time - datetime.datetime(1970, 1, 1)
    value = (since.days * 86400 + since.seconds) * 10**9 + int(text[20:].rstrip("Z").ljust(9, "0"))
    return value if abs(value) < 2**63 - 99 else None


def same_number(got, wanted):
    if isinstance(wanted, str) and wanted.startswith("0x"):
        return got == int(wanted, 16)
    if isinstance(got, float) and isinstance(wanted, str):
        return not math.isfinite(got)
    if isinstance(got, float):
        return math.isclose(got, wanted, abs_tol=1e-6)
    return got == wanted and isinstance(got, bool) == isinstance(wanted, bool)


def same_text(got, wanted):
    if isinstance(wanted, str):
        return got == wanted
    return json.loads(got) == wanted


def same(kind, got, wanted):
    if pyarrow.types.is_timestamp(kind):
        return got == nanoseconds(wanted)
    if got is None:
        return False
    if pyarrow.types.is_struct(kind):
        return same_struct(kind, got, wanted)
    if pyarrow.types.is_list(kind):
        return len(got) == len(wanted) and all(same(kind.value_type, g, w) for g, w in zip(got, wanted))
    return same_text(got, wanted) if pyarrow.types.is_string(kind) else same_number(got, wanted)


# Names that differ in case are one field; a second one in the same struct is name_2.
def places(wanted, names):
    found = {}
    for name in wanted:
        number = 1
        place = name.lower()
        while place in found or place not in names:
            number += 1
            place = f"{name.lower()}_{number}"
            if number > 50:
                sys.exit(f"no field {name}")
        found[place] = name
    return found


def same_struct(kind, got, wanted):
    fields = {kind.field(i).name.lower(): kind.field(i) for i in range(kind.num_fields)}
    found = places(wanted, fields)
    for place, field in fields.items():
        value = got[field.name]
        if place in found:
            if not same(field.type, value, wanted[found[place]]):
                print(f"{field.name}: {value!r}, not {wanted[found[place]]!r}")
                return False
        elif value is not None:
            print(f"{field.name}: {value!r}, not null")
            return False
    return True


def times_as_numbers(kind):
    if pyarrow.types.is_timestamp(kind):
        return pyarrow.int64()
    if pyarrow.types.is_struct(kind):
        return pyarrow.struct([(kind.field(i).name, times_as_numbers(kind.field(i).type)) for i in range(kind.num_fields)])
    return pyarrow.list_(times_as_numbers(kind.value_type)) if pyarrow.types.is_list(kind) else kind


def column_value(name, value):
    if value is None or name not in ("timestamp", "keywords", "keyword_names"):
        return value
    if name == "keywords":
        return int(value, 16)
    return "|".join(value) if name == "keyword_names" else nanoseconds(value)


def check_row(schema, row, record):
    for field in schema:
        got, wanted = row[field.name], record.get(field.name)
        if field.name == "data" and wanted is not None:
            ok = same_struct(field.type, got, wanted) if got is not None else wanted == {}
        else:
            if field.name in ("stack", "extended") and got is not None:
                got = json.loads(got)
            ok = got == column_value(field.name, wanted)
        if not ok:
            sys.exit(f"record {row['record']}, {field.name}: {got!r}, not {wanted!r}")
    unknown = {key for key in record if key not in row and record[key] != {}}
    if unknown:
        sys.exit(f"record {row['record']}: not in the file: {unknown}")


def look_at(folder, lines):
    records = {}
    for line in open(lines, encoding="utf-8"):
        record = json.loads(line)
        records[record["record"]] = record
    seen = set()
    for path in sorted(glob.glob(folder + "/**/*.parquet", recursive=True)):
        table = pyarrow.parquet.ParquetFile(path).read()
        numbers = table.cast(pyarrow.schema([(f.name, times_as_numbers(f.type)) for f in table.schema]))
        for row in numbers.to_pylist():
            check_row(table.schema, row, records[row["record"]])
            seen.add(row["record"])
    if seen != set(records):
        sys.exit(f"{len(seen)} of {len(records)} records are in files")


for pair in zip(sys.argv[1::2], sys.argv[2::2]):
    print(*pair, flush=True)
    look_at(*pair)
