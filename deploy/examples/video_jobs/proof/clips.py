"""Videos to upload, and what must come of them, by a computation that shares nothing with the workers'.

A clip repeats a few different pictures, so that a long one is quickly made and its result quickly known.
"""

import hashlib
import math
import random
import time

import video

WIDTH, HEIGHT = 96, 64
DIFFERENT = 2
HEADER = "YUV4MPEG2 W{} H{} F25:1 Ip A1:1 C420jpeg\n"
# Random bytes that far from grey take the place of a pixel.
DARK, BRIGHT = 3, 252
# The quickest of so many says how fast this machine is.
SAMPLES = 20


class Clip:
    def __init__(self, number, frames):
        generator = random.Random(number)
        self.frames = frames
        self.pictures = [picture(generator, turn) for turn in range(DIFFERENT)]
        self.video = assemble(WIDTH, HEIGHT, self.pictures, self.frames)

    def expected(self):
        """What result.json must say, and the brightness of the thumbnail."""
        small = [[halve(*plane) for plane in planes(picture)] for picture in self.pictures]
        whole = assemble(WIDTH // 2, HEIGHT // 2, [b"".join(bytes(plane) for plane in each) for each in small], self.frames)
        described = {"width": WIDTH // 2, "height": HEIGHT // 2, "frames": self.frames}
        return described | {"sha256": hashlib.sha256(whole).hexdigest()}, bytes(small[0][0])


class CutOff(Clip):
    """Its upload ended too early, which shows in the last picture only."""

    def __init__(self, number, frames):
        super().__init__(number, frames)
        self.video = self.video[:-100]


def assemble(width, height, pictures, frames):
    whole, rest = divmod(frames, len(pictures))
    parts = [b"FRAME\n" + picture for picture in pictures]
    return HEADER.format(width, height).encode() + b"".join(parts) * whole + b"".join(parts[:rest])


def picture(generator, turn):
    """A slope of grey that moves, with colour, and noise on both."""
    grey = [(3 * x + 2 * y + 20 * turn) % 256 for y in range(HEIGHT) for x in range(WIDTH)]
    colour = [(x * y + 50 * turn) % 256 for y in range(HEIGHT) for x in range(WIDTH // 2)]
    noise = generator.randbytes(len(grey) + len(colour))
    return bytes(value if DARK <= random <= BRIGHT else random for random, value in zip(noise, grey + colour))


def planes(picture):
    """Bytes, width and height of each plane."""
    sizes, start = [(WIDTH, HEIGHT), (WIDTH // 2, HEIGHT // 2), (WIDTH // 2, HEIGHT // 2)], 0
    for width, height in sizes:
        yield picture[start : start + width * height], width, height
        start += width * height


def halve(plane, width, height):
    """The definition, pixel by pixel: of the sixteen pixels around, those beyond the edge being the nearest on it, without
    the four darkest and the four brightest, the mean, rounded to the nearest."""
    small = []
    for y in range(0, height, 2):
        for x in range(0, width, 2):
            around = []
            for line in range(y - 1, y + 3):
                for column in range(x - 1, x + 3):
                    around.append(plane[min(max(line, 0), height - 1) * width + min(max(column, 0), width - 1)])
            around.sort()
            small.append(int(sum(around[4:-4]) / 8 + 0.5))
    return small


def frames_for(seconds):
    """How many pictures keep a worker of this machine busy for so long, if it has a processor for itself."""
    sample, took = list(planes(Clip(0, 1).pictures[0])), []
    for _ in range(SAMPLES):
        # What other processes do in between does not count.
        begun = time.process_time()
        for plane in sample:
            video.halve(*plane)
        took.append(time.process_time() - begun)
    return math.ceil(seconds / min(took))
