"""What the package's source must not do."""

from __future__ import annotations

from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "dovetail"


def test_only_starts_of_processes_read_the_environment() -> None:
    """What a model does hangs on its parameters and `dv.config`, and on nothing else."""
    found = {
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*.py")
        if "environ" in path.read_text("utf-8") or "getenv" in path.read_text("utf-8")
    }
    assert found == {"__init__.py", "distributed.py", str(Path("deep") / "_workers.py")}
