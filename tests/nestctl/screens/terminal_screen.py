# SPDX-License-Identifier: MIT
"""terminal_screen.py: a program on a terminal of a given size, and what its screen shows as text.

The terminal knows what nestctl sends: the cursor's home, "erase the rest of the line" and "of the
screen", colours (which are left out) and the alternate screen. Anything else is an error.
"""
import fcntl, os, pty, re, select, struct, termios, time, unicodedata


class Terminal:
    def __init__(self, rows, columns, *argv, env=None):
        self.rows, self.columns = rows, columns
        self.row = self.column = 0
        self.cells = [[" "] * columns for _ in range(rows)]
        self.drawn = True  # no part of a drawing is missing
        self.other = False  # True on the alternate screen
        self.raw = b""
        self.rest = b""
        looked, go = os.pipe()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.read(looked, 1)  # the size first
            os.execve(argv[0], argv, {**os.environ, "TERM": "xterm", "NO_COLOR": "1", **(env or {})})
        self.size(rows, columns)
        self.before = termios.tcgetattr(self.fd)
        os.write(go, b"x")
        os.close(looked)
        os.close(go)

    def size(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.cells = [(self.cells[r] if r < len(self.cells) else [])[:columns] for r in range(rows)]
        self.cells = [line + [" "] * (columns - len(line)) for line in self.cells]
        self.rows, self.columns = rows, columns

    def send(self, keys):
        os.write(self.fd, keys)

    def put(self, c):
        wide = 2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1
        if self.row >= self.rows or self.column + wide > self.columns:
            return
        if wide:
            self.cells[self.row][self.column] = c
        if wide == 2:
            self.cells[self.row][self.column + 1] = ""
        self.column += wide

    def obey(self, sequence):
        if sequence == "H":
            self.row = self.column = 0
            self.drawn = False
        elif sequence in ("J", "2J"):
            if sequence == "2J":
                self.cells[0] = [" "] * self.columns
            self.drawn = True
            for r in range(1 if sequence == "2J" else self.row + 1, self.rows):
                self.cells[r] = [" "] * self.columns
            if sequence == "J" and self.row < self.rows:
                self.cells[self.row][self.column:] = [" "] * (self.columns - self.column)
        elif sequence == "K":
            if self.row < self.rows:
                self.cells[self.row][self.column:] = [" "] * (self.columns - self.column)
        elif sequence in ("?1049h", "?1049l"):
            self.other = sequence[-1] == "h"
        elif not re.fullmatch(r"[0-9;]*m|\?25[hl]|\?7[hl]", sequence):
            raise ValueError("an unknown sequence " + sequence)

    def feed(self, data):
        self.raw += data
        data = self.rest + data
        at = 0
        text = data.decode(errors="surrogateescape")
        while at < len(text):
            if text[at] == "\033":
                found = re.compile(r"\033\[([?0-9;]*[A-Za-z])").match(text, at)
                if not found:
                    break
                self.obey(found.group(1))
                at = found.end()
                continue
            if "\udc80" <= text[at] <= "\udcff" and len(text) - at < 4:
                break  # a part of a character
            if text[at] == "\r":
                self.column = 0
            elif text[at] == "\n":
                self.row += 1
            else:
                self.put(text[at])
            at += 1
        self.rest = text[at:].encode(errors="surrogateescape")

    def read(self, seconds):
        """Reads for @seconds at most. Returns False if the program has closed the terminal."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        self.feed(data)
        return bool(data)

    def text(self):
        return "\n".join("".join(line).rstrip() for line in self.cells).rstrip("\n") + "\n"

    def until(self, seen, seconds=120):
        """Reads until @seen of the screen's text is true. Returns the text, or None in the end."""
        end = time.time() + seconds
        while time.time() < end:
            if self.drawn and not self.rest and seen(self.text()):
                return self.text()
            if not self.read(0.2):
                return self.text() if seen(self.text()) else None
        return None

    def restored(self):
        return not self.other and termios.tcgetattr(self.fd)[:4] == self.before[:4]

    def finish(self, seconds=120):
        """Returns the exit status, -N for a signal, or None when the program did not end."""
        end = time.time() + seconds
        while time.time() < end:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                while select.select([self.fd], [], [], 0)[0] and self.read(0):
                    pass
                return os.waitstatus_to_exitcode(status)
            if not self.read(0.1):
                time.sleep(0.05)
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)
        return None
