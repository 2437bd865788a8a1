# SPDX-License-Identifier: MIT
"""relay.py [OPTION=N...] -- COMMAND...: carries the messages of a migration from standard input to
COMMAND, and back to standard output.

    before=N   what comes before the first message of type N to COMMAND is the last that it gets
    lost=N     as before=N, and nothing comes back from then on
    back=N     what comes before its first message of type N is the last that comes back
    rate=N     at most so many bytes a second go to COMMAND
tools/nestctl/migrate/protocol.h has the types."""
import os, struct, subprocess, sys, threading, time

at = sys.argv.index("--")
options = {k: int(v) for k, v in (o.split("=") for o in sys.argv[1:at])}
over = threading.Event()
p = subprocess.Popen(sys.argv[at + 1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

def take(fd, n):
    data = b""
    while len(data) < n:
        more = os.read(fd, n - len(data))
        if not more:
            return None
        data += more
    return data

def messages(fd):
    yield 0, take(fd, 16)
    while True:
        head = take(fd, 12)
        if head is None:
            return
        kind, length, _ = struct.unpack("<III", head)
        yield kind, head + (take(fd, length) or b"")

def put(fd, data):
    while data:
        data = data[os.write(fd, data[:65536]):]

def there():
    try:
        for kind, data in messages(0):
            if kind == options.get("lost"):
                over.set()
                os.close(1)
            if kind in (options.get("before"), options.get("lost")):
                break
            for i in range(0, len(data or b""), 16384):
                piece = data[i:i + 16384]
                put(p.stdin.fileno(), piece)
                if "rate" in options:
                    time.sleep(len(piece) / options["rate"])
    except OSError:
        pass
    p.stdin.close()

def back():
    try:
        for kind, data in messages(p.stdout.fileno()):
            if kind == options.get("back") or over.is_set():
                break
            put(1, data or b"")
    except OSError:
        pass
    if not over.is_set():
        os.close(1)

t = threading.Thread(target=there, daemon=True)
b = threading.Thread(target=back, daemon=True)
t.start()
b.start()
p.wait()
b.join(5)
