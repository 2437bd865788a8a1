# SPDX-License-Identifier: MIT
"""make_images.py BUSYBOX: archives for the test `import`, whole and damaged, in the current
folder."""
import gzip
import hashlib
import io
import json
import os
import shutil
import sys
import tarfile

BUSYBOX = open(sys.argv[1], "rb").read()
CAPABILITY = bytes.fromhex("0100000200040000000000000000000000000000")  # cap_net_bind_service, VFS_CAP_REVISION_2


def tar(*entries, pax=None):
    """Entries (name, data or b"", attributes of TarInfo) as the bytes of a tar."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as t:
        for name, data, attributes in entries:
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o644
            for key, value in attributes.items():
                setattr(info, key, value)
            t.addfile(info, io.BytesIO(data))
    return out.getvalue()


def folder(name, **more):
    return name, b"", {"type": tarfile.DIRTYPE, "mode": 0o755, **more}


def link(name, target, kind=tarfile.SYMTYPE):
    return name, b"", {"type": kind, "linkname": target}


def write(name, data):
    with open(name, "wb") as f:
        f.write(data)


SHELL = ("./bin/busybox", BUSYBOX, {"mode": 0o755})
APPLETS = [link("./bin/" + name, "busybox") for name in ("sh", "cat", "ls", "stat", "mount", "tar", "id", "tr", "echo")]
ROOT = [
    folder("./"), folder("./bin"), SHELL, *APPLETS,
    ("./bin/owned", b"x" * 10000, {"mode": 0o6751, "uid": 1234, "gid": 70000, "pax_headers": {
        "SCHILY.xattr.security.capability": CAPABILITY.decode("latin1")}}),
    ("./twice", b"first", {}), ("./one", b"hard\n", {}), folder("./dir"), link("./dir/two", "./one", tarfile.LNKTYPE),
    folder("./usr"), folder("./usr/lib"), link("./lib", "usr/lib"), ("./lib/through", b"through", {}), ("./twice", b"second", {}),
    ("./before", b"", {"mtime": -86400}), ("./after", b"", {"mtime": 2 ** 31 + 5}), ("./late", b"", {"mtime": 2 ** 33 + 7}),
]
LOWER = [
    folder("bin"), SHELL, *APPLETS, ("changed", b"lower", {}), folder("gone"), ("gone/file", b"", {}), folder("opaque"),
    ("opaque/old", b"", {}), folder("kept"), ("kept/data", b"data", {}), ("removed", b"", {}), link("kept/link", "kept/data", tarfile.LNKTYPE),
]
UPPER = [
    ("changed", b"upper\n", {"uid": 42, "gid": 43, "mode": 0o640}), (".wh.gone", b"", {}), (".wh.removed", b"", {}),
    ("opaque/new", b"", {}), ("opaque/.wh..wh..opq", b"", {}), ("kept/.wh.data", b"", {}), (".wh.never", b"", {}),
]
CONFIG = {
    "Env": ["PATH=/bin", "GREETING=hello"], "Entrypoint": ["/bin/sh", "-c"],
    "Cmd": ["echo $GREETING from $(/bin/busybox pwd) as $(id -u)"], "WorkingDir": "/kept", "User": "7:8",
    "ExposedPorts": {"80/tcp": {}, "53/udp": {}}, "Volumes": {"/data": {}}, "Labels": {"a": "b=c"}, "StopSignal": "SIGQUIT",
    "Healthcheck": {"Test": ["CMD-SHELL", "true"], "Interval": 5000000000, "Retries": 2}, "Shell": ["/bin/sh", "-ec"]}


class Layout:
    """An OCI layout in a folder: what is written says where it is."""

    def __init__(self, path):
        self.path = path
        os.makedirs(f"{path}/blobs/sha256")
        write(f"{path}/oci-layout", b'{"imageLayoutVersion": "1.0.0"}')

    def blob(self, data, kind, **more):
        digest = hashlib.sha256(data).hexdigest()
        write(f"{self.path}/blobs/sha256/{digest}", data)
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": "sha256:" + digest, "size": len(data), **more}

    def json(self, value, kind, **more):
        return self.blob(json.dumps(value).encode(), kind, **more)

    def image(self, layers, architecture="amd64"):
        config = self.json({"architecture": architecture, "os": "linux", "config": CONFIG, "note": "\u00e9\ud83d\ude00"}, "config.v1+json")
        manifest = self.json({"schemaVersion": 2, "config": config, "layers": layers}, "manifest.v1+json",
                             platform={"architecture": architecture, "os": "linux"})
        other = {**manifest, "digest": "sha256:" + "0" * 64, "platform": {"architecture": "riscv64", "os": "linux"}}
        index = self.json({"manifests": [other, manifest]}, "index.v1+json")
        self.index([index])

    def index(self, manifests):
        write(f"{self.path}/index.json", json.dumps({"schemaVersion": 2, "manifests": manifests}).encode())


def good(path, lower=None, architecture="amd64"):
    layout = Layout(path)
    layers = [layout.blob(gzip.compress(lower or tar(*LOWER), 1), "layer.v1.tar+gzip"), layout.blob(tar(*UPPER), "layer.v1.tar")]
    layout.image(layers, architecture)
    return layout, layers


def saved(name, lower, upper, ids):
    config = {"architecture": "amd64", "os": "linux", "config": CONFIG, "rootfs": {"type": "layers", "diff_ids": ids}}
    write(name, tar(("a/layer.tar", lower, {}), ("b/layer.tar", upper, {}), link("c/layer.tar", "../b/layer.tar"),
                    ("config.json", json.dumps(config).encode(), {}),
                    ("manifest.json", json.dumps([{"Config": "config.json", "Layers": ["a/layer.tar", "c/layer.tar"]}]).encode(), {})))


def make_damaged():
    _, layers = good("bad-digest")
    path = "bad-digest/blobs/sha256/" + layers[1]["digest"][7:]
    data = bytearray(open(path, "rb").read())
    data[data.index(b"upper")] ^= 1
    write(path, data)
    _, layers = good("bad-size")
    os.truncate("bad-size/blobs/sha256/" + layers[0]["digest"][7:], layers[0]["size"] // 2)
    good("bad-cpu", architecture="arm64")
    good("bad-json")
    write("bad-json/index.json", open("bad-json/index.json", "rb").read()[:-3])
    layout, _ = good("bad-path")
    layout.index([{"digest": "sha256:../../oci-layout", "size": 1}])
    good("bad-climb", lower=tar(("a/../../b", b"", {})))
    saved("bad-saved.tar", tar(*LOWER), tar(*UPPER[1:]), IDS)
    write("climb.tar", tar(("../evil", b"", {})))
    whole = tar(*ROOT)
    write("short.tar", whole[:len(whole) // 2])
    write("short.tar.gz", gzip.compress(whole, 1)[:200000])
    write("nolink.tar", tar(link("a", "b", tarfile.LNKTYPE)))
    write("circle.tar", tar(link("a", "b"), link("b", "a"), ("a/x", b"", {})))
    write("infile.tar", tar(("a", b"", {}), ("a/x", b"", {})))
    write("escape.tar", tar(("\n\x1b[2J/../x", b"", {})))
    write("noise", hashlib.sha256(b"noise").digest() * 1000)
    write("empty", b"")
    good("bad-whiteout", lower=tar(folder("a"), ("a/.wh.", b"", {})))
    good("bad-whiteout-up", lower=tar(folder("a"), ("a/.wh..", b"", {})))
    _, layers = good("leads-out")
    path = "leads-out/blobs/sha256/" + layers[1]["digest"][7:]
    os.rename(path, "layer-outside")
    os.symlink("../../../layer-outside", path)
    write("links.tar", tar(("a", b"", {}), *(link("%d/%d" % (i % 200, i), "a", tarfile.LNKTYPE) for i in range(66000))))
    write("big.tar", tar(("big", bytes(20 << 20), {})))


write("root.tar.gz", gzip.compress(tar(*ROOT), 1))
good("oci")
with tarfile.open("oci.tar", "w") as archive:
    archive.add("oci", arcname=".")
IDS = ["sha256:" + hashlib.sha256(tar(*entries)).hexdigest() for entries in (LOWER, UPPER)]
saved("saved.tar", tar(*LOWER), tar(*UPPER), IDS)
make_damaged()
