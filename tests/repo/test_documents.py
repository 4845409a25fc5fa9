"""The documents say what is so: listings are files that run, links lead somewhere."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest
from PIL import Image

from dovetail import deep
from dovetail.neural_network import MLPClassifier, MLPRegressor

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
GALLERY = sorted((ROOT / "examples" / "gallery").glob("*.py"))
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
LISTING = re.compile(r"<!-- (examples/\w+\.py) -->\n```python\n(.*?)```", re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


def run_elsewhere(
    path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Run a file in another folder; it prints something."""
    monkeypatch.chdir(folder)
    runpy.run_path(str(path))
    assert capsys.readouterr().out.strip()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_an_example_runs(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run_elsewhere(path, tmp_path, monkeypatch, capsys)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_listings_are_the_examples(page: Path) -> None:
    for name, text in LISTING.findall(page.read_text()):
        assert (ROOT / name).read_text() == text, f"{page.name} shows another {name}"


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("path", GALLERY, ids=lambda p: p.stem)
def test_the_gallery_draws_its_pictures(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run_elsewhere(path, tmp_path, monkeypatch, capsys)
    with Image.open(f"{path.stem}.png") as picture:
        assert picture.size[0] > 300
    assert len(path.read_text().splitlines()) < 40


def test_the_gallery_has_every_net() -> None:
    nets = [getattr(deep, name) for name in deep.__all__] + [MLPClassifier, MLPRegressor]
    names = {net.__name__ for net in nets if hasattr(net, "get_params")}
    page = (ROOT / "docs" / "guide" / "gallery.md").read_text()
    assert set(re.findall(r"^## (\w+)$", page, re.MULTILINE)) == names
    for path in GALLERY:
        assert f"examples/gallery/{path.name}" in page
        assert f"pictures/gallery/{path.stem}.png" in page
    assert len(GALLERY) == len(names)


def test_every_example_is_shown() -> None:
    shown = {name for page in PAGES for name, _ in LISTING.findall(page.read_text())}
    assert {str(p.relative_to(ROOT)) for p in EXAMPLES} == shown


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"
