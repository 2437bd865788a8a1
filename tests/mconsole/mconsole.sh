# SPDX-License-Identifier: MIT
# mconsole.sh: instances with a name, and a client for them; for the tests here.
export HOME=$work TMPDIR=$work
unset XDG_RUNTIME_DIR
dir=$work/.uml
kernels=()
trap 'kill -KILL $(jobs -rp) 2>/dev/null; wait 2>/dev/null; rm -rf "$work"' EXIT

# start NAME [PARAMETER...]: a busybox instance whose shell reads the fifo NAME.in; $kernel is its
# pid
start() {
	local name=$1
	shift
	mkfifo "$work/$name.in"
	"$KERNEL" mem=128M "umid=$name" "ubd0=$work/$name.cow,$BUSYBOX" root=/dev/ubda rw init=/bin/sh con=null con0=fd:0,fd:1 "$@" \
		<>"$work/$name.in" >"$work/$name.log" 2>&1 &
	kernel=$!
	kernels+=("$kernel")
	wait_for 60 named "$name" && wait_for 60 prompted "$name"
}
prompted() { tail -n 1 "$work/$1.log" | grep -aq '# '; } # what is typed before may be lost
tell() { echo "$2" >"$work/$1.in"; }
named() { [[ -S $dir/$1/mconsole ]] && mc "$1" version >/dev/null 2>&1; }

cat >"$work/client" <<'EOS'
import os, socket, struct, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("\0client-%d" % os.getpid())
s.settimeout(float(os.environ.get("MC_WAIT", 120)))
text = " ".join(sys.argv[2:]).encode()
path = sys.argv[1]
s.sendto(struct.pack("<III", 0xcafebabe, 2, len(text)) + text.ljust(512, b"\0"), path)
first = True
while True:
    r = s.recv(4096)
    err, more, n = struct.unpack("<iII", r[:12])
    out = r[12:12 + n].rstrip(b"\0").decode(errors="replace")
    print(("" if not first else "ERR " if err else "OK ") + out, end="")
    first = False
    if not more:
        print()
        sys.exit(err & 255 if err < 0 or err else 0)
EOS
# mc NAME COMMAND...
if command -v uml_mconsole >/dev/null; then
	mc() { timeout "${MC_WAIT:-130}" uml_mconsole "$@" </dev/null; }
else
	mc() { timeout "${MC_WAIT:-130}" python3 "$work/client" "$dir/$1/mconsole" "${@:2}"; }
fi
