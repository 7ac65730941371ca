"""A card number as QR code and barcode: SVG whose colours are attributes, for the pages allow no inline styles.

Only the member's page imports this: the makers of codes cost a cold start.
"""

from collections.abc import Iterator, Sequence
from html import escape
from itertools import batched, groupby

import segno
from barcode.charsets import code128

QUIET_MODULES_OF_QR = 4
QUIET_MODULES_OF_BARCODE = 10
BARCODE_HEIGHT = 32
SYMBOLS_WITH_A_VALUE = 103
FINAL_BAR = "11"


def qr_code(card_number: str, title: str) -> str:
    """The number's digits as a QR code, dark on light also where the page is dark: scanners expect that."""
    code = segno.make(card_number, error="m", micro=False)
    rows = [[bool(module) for module in row] for row in code.matrix]
    size = len(rows) + 2 * QUIET_MODULES_OF_QR
    bars = "".join(
        f"M{QUIET_MODULES_OF_QR + start} {QUIET_MODULES_OF_QR + y}h{length}v1h-{length}z"
        for y, row in enumerate(rows)
        for start, length in _dark_runs(row)
    )
    return _picture(size, size, bars, title)


def barcode(card_number: str, title: str) -> str:
    """The number's digits as Code 128: read by the one-line scanners that most tills have."""
    modules = _code128_modules(card_number)
    bars = "".join(
        f"M{QUIET_MODULES_OF_BARCODE + start} 0h{length}v{BARCODE_HEIGHT}h-{length}z"
        for start, length in _dark_runs([module == "1" for module in modules])
    )
    return _picture(len(modules) + 2 * QUIET_MODULES_OF_BARCODE, BARCODE_HEIGHT, bars, title)


def _code128_modules(digits: str) -> str:
    """The digits in Code 128's set C, two a symbol.

    The library's own encoder takes a leading 99 for a change of set and drops it (python-barcode 0.16.1), so only its
    table of symbols is used.
    """
    symbols = [code128.START_CODES["C"], *(int("".join(pair)) for pair in batched(digits, 2, strict=True))]
    check = (symbols[0] + sum(place * symbol for place, symbol in enumerate(symbols))) % SYMBOLS_WITH_A_VALUE
    return "".join([*(code128.CODES[symbol] for symbol in (*symbols, check)), code128.STOP, FINAL_BAR])


def _dark_runs(modules: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """Where the dark modules of a line lie side by side: start and length of each run."""
    start = 0
    for dark, run in groupby(modules):
        length = len(list(run))
        if dark:
            yield start, length
        start += length


def _picture(width: int, height: int, bars: str, title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img"'
        f' aria-label="{escape(title)}" shape-rendering="crispEdges">'
        f'<path fill="#fff" d="M0 0h{width}v{height}H0z"/><path fill="#000" d="{bars}"/></svg>'
    )
