import pyarrow as pa

from dovetail.preprocessing import ColumnTyper

visits = pa.table(
    {
        "visit": [f"V{i:04}" for i in range(60)],
        "day": [f"2024-03-{1 + i % 28:02}" for i in range(60)],
        "weight": [str(60 + i % 17) if i % 9 else "n/a" for i in range(60)],
        "ward": ["east", "west", "north"] * 20,
    }
)
typer = ColumnTyper().fit(visits)
for column in typer.schema_.columns:
    print(f"{column.name:<8}{column.kind:<10}{column.role:<12}{'; '.join(column.notes)}")

try:
    typer.transform(visits.rename_columns(["visit", "day", "weigth", "ward"]))
except ValueError as error:
    print(error)  # lists every difference, and the nearest name
