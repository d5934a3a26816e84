"""Image archives of one layer, as `docker save` writes them. The same files give the same bytes."""

import hashlib
import io
import json
import pathlib
import platform
import tarfile

# How container images name what `uname -m` says.
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def write_archive(out, tag, root, config):
    """Writes an image with the files under `root` and this configuration to the file `out`."""
    layer = layer_of(root)
    layer_id = hashlib.sha256(layer).hexdigest()
    described = {
        "architecture": ARCHITECTURES[platform.machine()],
        "os": "linux",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer_id}"]},
        "history": [{"created_by": "deploy/image"}],
    }
    image = json.dumps(described, sort_keys=True).encode()
    image_name = f"{hashlib.sha256(image).hexdigest()}.json"
    layer_name = f"{layer_id}/layer.tar"
    manifest = [{"Config": image_name, "RepoTags": [tag], "Layers": [layer_name]}]
    with tarfile.open(out, "w") as archive:
        for name, content in [
            (image_name, image),
            (layer_name, layer),
            ("manifest.json", json.dumps(manifest).encode()),
        ]:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


def layer_of(root):
    root = pathlib.Path(root)
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as layer:
        for path in sorted(root.rglob("*")):
            entry = layer.gettarinfo(path, arcname=str(path.relative_to(root)))
            entry.mtime = 0
            entry.uname = entry.gname = ""
            if entry.isfile():
                with path.open("rb") as file:
                    layer.addfile(entry, file)
            else:
                layer.addfile(entry)
    return content.getvalue()
