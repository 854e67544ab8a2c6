"""The picture of the architecture and the table of folders in docs/architecture.md are made from today's sources."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

from docs.folders import ALLOWED, fewest_arrows, reachable
from docs.make_architecture import PAGE, PICTURE, PLACES, folders_table, picture
from docs.wrap_markdown import wrapped

AGAIN = "run: python -m docs.make_architecture"


def test_the_picture_is_the_one_that_the_rules_give() -> None:
    assert PICTURE.read_text("utf-8") == picture(), AGAIN


def test_the_table_is_the_one_that_the_folders_give() -> None:
    section = f"<!-- begin folders -->\n{wrapped(folders_table())}\n<!-- end folders -->"
    assert section in PAGE.read_text("utf-8"), AGAIN


def test_every_folder_is_in_the_picture_with_its_arrows() -> None:
    root = ElementTree.fromstring(picture())
    tag = "{http://www.w3.org/2000/svg}"
    names = {text.text for text in root.iter(f"{tag}text")}
    assert ALLOWED.keys() == PLACES.keys()
    assert ALLOWED.keys() <= names
    lines = [line for line in root.iter(f"{tag}line") if "marker-end" in line.attrib]
    assert len(lines) == sum(map(len, fewest_arrows().values()))


def test_the_arrows_lead_to_all_that_may_be_imported() -> None:
    fewest = fewest_arrows()
    for name, allowed in ALLOWED.items():
        assert allowed <= reachable(fewest, name)


def test_boxes_do_not_lie_over_each_other() -> None:
    places = [(x, y) for x, y, _ in PLACES.values()]
    for i, (x, y) in enumerate(places):
        assert all(abs(x - u) >= 150 or abs(y - v) >= 48 for u, v in places[i + 1 :])


def test_the_file_of_the_picture_is_beside_the_page() -> None:
    assert (Path(PAGE).parent / "architecture.svg").exists()
    assert "(architecture.svg)" in PAGE.read_text("utf-8")
