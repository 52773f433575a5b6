"""Pictures in PNG or NumPy files as rows of colours; each pixel is a cell, `#rrggbb`.

A picture with too many colours is reduced to a palette by median cut (Heckbert 1982), without dithering. An array of
shape (H, W) holds greys and one of shape (H, W, 3) holds red, green and blue, from 0 to 255; integers below the number
of colours are indices into a palette of greys.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from folkseq.errors import ParseError

WIDEST, HIGHEST = 256, 4096  # pixels
MOST_COLOURS = 256  # of a palette
_SHIFTS = np.array([1 << 16, 1 << 8, 1])

Cells: TypeAlias = tuple[tuple[str, ...], ...]
Pixels: TypeAlias = NDArray[np.uint8]  # (H, W, 3)


def parse(opened: BinaryIO, file: str, colours: int) -> tuple[Cells, int]:
    """Return the rows of cells of a picture, and the number of colours that the palette dropped.

    Raises:
        ParseError: The file is not a picture, or is too large.
    """
    pixels = _array(opened, file, colours) if file.lower().endswith(".npy") else _image(opened, file)
    packed = pixels.astype(np.int64) @ _SHIFTS  # (H, W)
    lost = max(len(np.unique(packed)) - colours, 0)
    if lost:
        packed = _quantised(pixels, colours).astype(np.int64) @ _SHIFTS
    return tuple(tuple(f"#{cell:06x}" for cell in row) for row in packed.tolist()), lost


def format(rows: Cells, comments: Sequence[str] = ()) -> bytes:
    """Return a PNG file, with a palette or, for too many colours, in RGB; the comments become its text."""
    from PIL import Image, PngImagePlugin

    rows = rows if rows and rows[0] else (("#000000",),)
    size = len(rows[0]), len(rows)
    colours = sorted({cell for row in rows for cell in row})
    if len(colours) > MOST_COLOURS:
        image = Image.frombytes("RGB", size, b"".join(map(_rgb, rows)))
    else:
        entries = {colour: entry for entry, colour in enumerate(colours)}
        image = Image.frombytes("P", size, bytes(entries[cell] for row in rows for cell in row))
        image.putpalette(_rgb(colours))
    info = PngImagePlugin.PngInfo()
    for comment in comments:
        info.add_text("Comment", comment)
    data = BytesIO()
    image.save(data, "PNG", pnginfo=info)
    return data.getvalue()


def _rgb(colours: Sequence[str]) -> bytes:
    return bytes.fromhex("".join(colour.removeprefix("#") for colour in colours))


def _image(opened: BinaryIO, file: str) -> Pixels:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(opened, formats=("PNG",)) as image:
            _check_size(image.height, image.width, file)
            shown: Image.Image = image
            if image.mode.startswith("I"):  # 16-bit grey, which Pillow would clip at 255
                shown = Image.fromarray(((np.asarray(image, np.int64) + 128) // 257).astype(np.uint8))
            over = Image.new("RGBA", image.size, "white")
            over.alpha_composite(shown.convert("RGBA"))
            return np.asarray(over.convert("RGB"))
    except ParseError:
        raise
    except UnidentifiedImageError:  # its message would name the open file object
        raise ParseError(f"{file}: not a PNG picture (it does not begin as one, or is cut off)") from None
    except Exception as error:  # Pillow's decoders raise errors without a common base for damaged files
        raise ParseError(f"{file}: not a PNG picture ({_reason(error)})") from None


def _array(opened: BinaryIO, file: str, colours: int) -> Pixels:
    try:
        array = np.load(opened, allow_pickle=False)
    except Exception as error:  # NumPy does the same
        reason = "damaged, or without the head of one" if "pickle" in str(error).lower() else _reason(error)
        raise ParseError(f"{file}: not a NumPy array ({reason})") from None
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "buif" or array.ndim not in (2, 3):
        raise ParseError(f"{file}: not an array of numbers, (H, W) or (H, W, 3)")
    if array.ndim == 3 and array.shape[2] != 3:
        raise ParseError(f"{file}: an array of {array.shape}; give one of (H, W) or (H, W, 3)")
    _check_size(array.shape[0], array.shape[1], file)
    whole = array.astype(np.float64)
    if not (whole == np.rint(whole)).all():
        raise ParseError(f"{file}: holds numbers that are no integers; scale them to 0 to 255, and round them")
    if not (np.isfinite(whole).all() and whole.min() >= 0 and whole.max() <= 255):
        raise ParseError(f"{file}: holds values from {array.min()} to {array.max()}; scale them to 0 to 255")
    if array.ndim == 2:
        if whole.max() < colours:
            whole = whole * 255 // max(colours - 1, 1)
        whole = np.repeat(whole[:, :, None], 3, axis=2)
    return whole.astype(np.uint8)


def _reason(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _check_size(height: int, width: int, file: str) -> None:
    if not (1 <= width <= WIDEST and 1 <= height <= HIGHEST):
        raise ParseError(f"{file}: {width} x {height} pixels; scale it down to at most {WIDEST} x {HIGHEST}")


def _quantised(pixels: Pixels, colours: int) -> Pixels:
    from PIL import Image

    image = Image.fromarray(pixels).quantize(colours, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    return np.asarray(image.convert("RGB"))
