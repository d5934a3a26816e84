"""What is done with a video: it is scaled down by two, and its first picture becomes a thumbnail."""

import hashlib
import json

import video


def process(upload, folder, check):
    """Reads a video and writes small.y4m, thumbnail.png and result.json into a folder. `check` is called before each picture."""
    try:
        file = upload.open("rb")
    except FileNotFoundError:
        raise video.Broken("the upload is gone") from None
    with file, (folder / "small.y4m").open("wb") as small:
        format = video.read_format(file)
        frames, digest = 0, hashlib.sha256()
        for data in halved(file, format, folder / "thumbnail.png", check):
            frames += data.startswith(b"FRAME")
            small.write(data)
            digest.update(data)
    size = format.half()
    result = {"width": size.width, "height": size.height, "frames": frames, "sha256": digest.hexdigest()}
    (folder / "result.json").write_text(json.dumps(result))


def halved(file, format, thumbnail, check):
    """The small video, piece by piece: its first line, and then its pictures."""
    small = format.half()
    yield small.encode()
    for picture in video.read_pictures(file, format):
        check()
        planes = [video.halve(plane, *size) for plane, size in zip(picture, format.planes())]
        if not thumbnail.exists():
            thumbnail.write_bytes(video.png(planes[0], small.width, small.height))
        yield b"FRAME\n" + b"".join(planes)
