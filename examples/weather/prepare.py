"""The file as CSV with columns that have names and times: `python3 prepare.py noaa_weather.parquet weather.csv`.

Needs pyarrow: `pip install pyarrow`.
"""

import csv
import datetime
import sys

import pyarrow.parquet

COLUMNS = [
    "temperature",
    "dew_point",
    "sea_level_pressure",
    "visibility",
    "wind_speed",
    "wind_speed_max",
    "temperature_max",
    "temperature_min",
]


def main(source: str, target: str) -> None:
    table = pyarrow.parquet.read_table(source).sort_by("row_id")
    days = table["row_id"].to_pylist()
    # A day is known when it is over. The first one is over on the second day that Kafka has.
    start = datetime.datetime(1970, 1, 2, tzinfo=datetime.timezone.utc)
    at = [(start + datetime.timedelta(days=day)).isoformat() for day in days]
    measured = [table[f"feat_{place}"].to_pylist() for place in range(1, len(COLUMNS) + 1)]
    with open(target, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["day", "at", *COLUMNS, "rain"])
        writer.writerows(zip(days, at, *measured, table["label"].to_pylist(), strict=True))


if __name__ == "__main__":
    main(*sys.argv[1:])
