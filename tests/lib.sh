# SPDX-License-Identifier: MIT
# lib.sh: sourced by the shell tests.  tests/run sets BUILD KERNEL NESTCTL IMAGE BUSYBOX; run alone,
#                                      a test uses build/.
set -uo pipefail
export LC_ALL=C.UTF-8 # names that are no ASCII, to mtools, for one
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=${BUILD:-$root/build}
KERNEL=${KERNEL:-$BUILD/nestling} NESTCTL=${NESTCTL:-$BUILD/nestctl}
IMAGE=${IMAGE:-$BUILD/tests/debian.ext4} BUSYBOX=${BUSYBOX:-$BUILD/tests/busybox.ext4}
# A process that makes a template would outlive its test.
export NESTLING_TEMPLATES=${NESTLING_TEMPLATES:-off}
SEED=${SEED:-$(($(date +%s) / 86400))} # tests/run says what it is for
work=$(mktemp -d)
# An interrupted test may leave the mounts of an image that mmdebstrap was making there: /sys and
# /dev are the host's.
trap 'rm -rf --one-file-system "$work"' EXIT
# What the tests record of their layers is not the user's.
export XDG_DATA_HOME=$work/.data
# A test that ends kills $(jobs -rp) at most: the number of a child that has been waited for may be
# another program's by then.
bad=0

ok() { echo "ok      $1"; }
no() { echo "NOT OK  $1${2:+: $2}"; bad=1; }
# skip NAME WHY: skips a test that this host lacks something for; tests/run counts it and says why
skip() { echo "skip    $1: $2"; }
# skip_rest WHY: skips the rest of the file
skip_rest() {
	skip "${0##*/}" "$1"
	exit $bad
}
# check NAME COMMAND...: the command succeeds
check() {
	local name=$1
	shift
	if "$@"; then ok "$name"; else no "$name"; fi
}
# quiet COMMAND...: without its output; check "..." COMMAND >/dev/null would drop "NOT OK", too
quiet() { "$@" >/dev/null 2>&1; }
# same NAME GOT WANTED
same() { if [[ $2 == "$3" ]]; then ok "$1"; else no "$1" "got '${2:0:120}', not '${3:0:120}'"; fi; }
# in_guest [OPTION...] -- COMMAND...: in a busybox instance. The time is for a machine that is busy
# with others, or stands still for a while.
in_guest() {
	local options=()
	while [[ $1 != -- ]]; do options+=("$1") && shift; done
	timeout -k 5 400 "$NESTCTL" run --mem 256M "${options[@]}" "${GUEST:-$BUSYBOX}" "$@"
}
# uml_runs UML: does User Mode Linux run on this machine? Debian's ends at its first program where
# the CPU has AMX: its place for the FPU state is too small.
uml_runs() {
	timeout -k 5 400 "$1" mem=64M "ubd0r=$BUSYBOX" root=/dev/ubda ro init=/bin/busybox con=null con0=null,fd:1 -- poweroff -f </dev/null >"$work/first" 2>&1
	grep -qa 'Run /bin/busybox' "$work/first" && ! grep -qa 'Kernel panic' "$work/first"
}
# snapshot_whole FILE SAID: e2fsck finds nothing in FILE, the disk of an instance that went on. What
# was removed then and still open, or not freed yet, is freed first, as the next mount does it; on
# Linux e2fsck finds that in a frozen file system, too.
snapshot_whole() { e2fsck -p "$1" >"$2" 2>&1; e2fsck -fn "$1" >>"$2" 2>&1; }
# on_disk ARCHIVE FILE...: files of $work for an instance's disk: -p "ubd1r=$work/ARCHIVE", and tar
# -xf /dev/ubdb inside
on_disk() { tar -C "$work" -cf "$work/$1" "${@:2}" && truncate -s %512 "$work/$1"; }
# net_tools NAME...: programs of tests/net/lib, linked statically, in $work; xfer is on the disk
# xfer.tar as well
net_tools() {
	local c
	for c in "$@" xfer; do
		gcc -O2 -D_GNU_SOURCE -static -o "$work/$c" "$root/tests/net/lib/$c.c" || { no "$c" "does not build"; exit 1; }
	done
	on_disk xfer.tar xfer
}
# family PID: it and its descendants
family() {
	local p
	echo "$1"
	for p in $(ps -o pid= --ppid "$1"); do family "$p"; done
}
alive() {
	local p left=
	for p in "$@"; do [[ $(ps -o stat= -p "$p") == [!Z]* ]] && left+=" $p"; done
	echo $left
}
# of_the_day WORD...: prints one of the words, which SEED picks: each in its turn, one a day; all of
# them, one a line, with tests/run --long, where LONG is set
of_the_day() { if [[ -n ${LONG:-} ]]; then printf '%s\n' "$@"; else echo "${@:$((SEED % $# + 1)):1}"; fi; }
# free_port: prints a free port of the host, outside of the range of ports that the host assigns, so
# that no other program gets it in between
free_port() {
	python3 -c '
import random, socket
while True:
    port = random.randrange(10000, 32000)
    try:
        socket.socket().bind(("127.0.0.1", port))
        break
    except OSError:
        pass
print(port)'
}
# listens PATH: true if a process listens at this socket of the file system, which has its name
# before that
listens() { grep -q " 00010000 .* $1\$" /proc/net/unix; }
# wait_for SECONDS COMMAND...: until it succeeds; for so long, or two minutes where that is longer,
# and a hundred times: a machine that stood still has not tried. To wait in vain is a failure.
wait_for() {
	local end=$((SECONDS + ($1 > 120 ? $1 : 120))) tries=0
	shift
	until "$@"; do
		((++tries < 100 || SECONDS < end)) || { no "waits in vain" "$*"; return 1; }
		sleep 0.1
	done
}
