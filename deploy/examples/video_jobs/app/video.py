"""Videos in the format YUV4MPEG2 (.y4m), which is a line of text and then one picture after the other, uncompressed.

It stands in for what a real service would have ffmpeg do, and needs nothing but Python. Served are progressive videos of 8 bits
with 4:2:0 sampling: a picture is a plane of brightness, and two of colour with half the width and half the height.
"""

import dataclasses
import struct
import zlib

SIZE_MAX = 4096
LINE_MAX = 256
SAMPLINGS = {"420", "420jpeg", "420mpeg2", "420paldv"}


class Broken(Exception):
    """This is no video that we can process, and never will be."""


@dataclasses.dataclass(frozen=True)
class Format:
    width: int
    height: int
    rest: tuple

    def planes(self):
        """Width and height of each plane of a picture."""
        half = (self.width // 2, self.height // 2)
        return [(self.width, self.height), half, half]

    def half(self):
        return Format(self.width // 2, self.height // 2, self.rest)

    def encode(self):
        return " ".join(["YUV4MPEG2", f"W{self.width}", f"H{self.height}", *self.rest]).encode() + b"\n"


def read_format(file):
    """The first line of a video."""
    line = file.readline(LINE_MAX)
    magic, *words = line.decode("ascii", errors="replace").split()[:LINE_MAX] or [""]
    if magic != "YUV4MPEG2" or not line.endswith(b"\n"):
        raise Broken("this is no YUV4MPEG2")
    known = {word[0]: word[1:] for word in words}
    if known.get("C", "420") not in SAMPLINGS or known.get("I", "p") not in ("p", "?"):
        raise Broken("only progressive videos of 8 bits with 4:2:0 sampling are served")
    try:
        width, height = int(known["W"]), int(known["H"])
    except (KeyError, ValueError):
        raise Broken("it does not say its size") from None
    if not all(4 <= side <= SIZE_MAX and side % 4 == 0 for side in (width, height)):
        raise Broken(f"width and height must be multiples of 4, up to {SIZE_MAX}")
    return Format(width, height, tuple(word for word in words if word[0] not in "WH"))


def read_pictures(file, format):
    """The planes of each picture that follows."""
    number = 0
    while line := file.readline(LINE_MAX):
        number += 1
        if not (line.startswith(b"FRAME") and line.endswith(b"\n")):
            raise Broken(f"there is no picture where picture {number} should be")
        planes = [file.read(width * height) for width, height in format.planes()]
        if any(len(plane) != width * height for plane, (width, height) in zip(planes, format.planes())):
            raise Broken(f"picture {number} is cut off")
        yield planes
    if not number:
        raise Broken("there is no picture in it")


def halve(plane, width, height):
    """A plane of half the size. Each pixel is the mean of the middle eight of the sixteen around it, which leaves noise out."""
    rows = [plane[start : start + width] for start in range(0, width * height, width)]
    rows = [row[:1] + row + row[-1:] for row in [rows[0], *rows, rows[-1]]]
    small = bytearray()
    for y in range(0, height, 2):
        a, b, c, d = rows[y : y + 4]
        for x in range(0, width, 2):
            around = sorted(a[x : x + 4] + b[x : x + 4] + c[x : x + 4] + d[x : x + 4])
            small.append(sum(around[4:12]) + 4 >> 3)
    return bytes(small)


def png(plane, width, height):
    """A picture in shades of grey, as a PNG."""
    rows = b"".join(b"\0" + plane[start : start + width] for start in range(0, width * height, width))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
