"""What a scanner reads from the pictures of a card: the number and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import zxingcpp

from stamkunde.members.card import new_card_number
from stamkunde.members.card_pictures import barcode, qr_code

Picture = Callable[[str, str], str]
both = pytest.mark.parametrize(
    ("picture", "kind"),
    [(qr_code, zxingcpp.BarcodeFormat.QRCode), (barcode, zxingcpp.BarcodeFormat.Code128)],
)
STARTS_OF_ALL_KINDS = [f"{start:02d}0123456789" for start in range(100)] + ["999999999994"]
BAR = re.compile(r"M(\d+) (\d+)h(\d+)v(\d+)h-\3z")


def as_screen(svg: str, pixels_a_module: int) -> Any:
    """The picture as a screen shows it: lines of grey values."""
    size = re.search(r'viewBox="0 0 (\d+) (\d+)"', svg)
    dark = re.search(r'<path fill="#000" d="([^"]+)"', svg)
    assert size
    assert dark
    assert not BAR.sub("", dark[1])
    width, height = (int(each) * pixels_a_module for each in size.groups())
    lines = [bytearray(b"\xff" * width) for _ in range(height)]
    for bar in BAR.findall(dark[1]):
        x, y, length, down = (int(each) * pixels_a_module for each in bar)
        for line in lines[y : y + down]:
            line[x : x + length] = b"\x00" * length
    return memoryview(b"".join(lines)).cast("B", shape=[height, width])


@both
@pytest.mark.parametrize("pixels_a_module", [2, 3, 5])
def test_a_scanner_reads_the_number_and_nothing_else(picture: Picture, kind: Any, pixels_a_module: int) -> None:
    for number in (*STARTS_OF_ALL_KINDS, *(new_card_number() for _ in range(20))):
        (read,) = zxingcpp.read_barcodes(as_screen(picture(number, "Kort"), pixels_a_module))
        assert (read.text, read.format) == (number, kind)


@both
def test_a_picture_may_stand_in_a_page_without_inline_styles_or_scripts(picture: Picture, kind: Any) -> None:
    svg = picture("482915073621", 'Mettes "kort" <3')
    assert 'aria-label="Mettes &quot;kort&quot; &lt;3"' in svg
    assert not re.search(r"style|script|<!|\son\w+=|href", svg)


@both
def test_the_light_around_a_code_belongs_to_it_also_on_a_dark_page(picture: Picture, kind: Any) -> None:
    svg = picture("482915073621", "Kort")
    width, height = (int(each) for each in re.findall(r'viewBox="0 0 (\d+) (\d+)"', svg)[0])
    assert f'<path fill="#fff" d="M0 0h{width}v{height}H0z"/>' in svg
    columns = [int(bar[0]) for bar in BAR.findall(svg)]
    assert min(columns) >= (4 if picture is qr_code else 10)
