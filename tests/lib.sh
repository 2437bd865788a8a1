# SPDX-License-Identifier: MIT
# lib.sh: sourced by the shell tests.  tests/run sets BUILD KERNEL NESTCTL IMAGE BUSYBOX; run alone,
#                                      a test uses build/.
set -uo pipefail
export LC_ALL=C.UTF-8 # mtools, for example, needs it for names outside ASCII
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
self=$(realpath "$0")
BUILD=${BUILD:-$root/build}
KERNEL=${KERNEL:-$BUILD/nestling} NESTCTL=${NESTCTL:-$BUILD/nestctl}
IMAGE=${IMAGE:-$BUILD/tests/debian.ext4} BUSYBOX=${BUSYBOX:-$BUILD/tests/busybox.ext4}
# A process that makes a template would outlive its test.
export NESTLING_TEMPLATES=${NESTLING_TEMPLATES:-off}
SEED=${SEED:-$(($(date +%s) / 86400))} # described in tests/run
work=$(mktemp -d)
# An interrupted test may leave the mounts of an image that mmdebstrap was making there: /sys and
# /dev are the host's.
trap 'rm -rf --one-file-system "$work"' EXIT
# nestctl's records of the tests' layers do not go to the user's folder.
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
# in_guest [OPTION...] -- COMMAND...: runs the command in a busybox instance. The time limit allows
# for a machine that is busy or stands still for a while.
in_guest() {
	local options=()
	while [[ $1 != -- ]]; do options+=("$1") && shift; done
	timeout -k 5 400 "$NESTCTL" run --mem 256M "${options[@]}" "${GUEST:-$BUSYBOX}" "$@"
}
# uml_runs UML: true if this User Mode Linux kernel runs on this machine. Debian's panics at its
# first program where the CPU has AMX: its buffer for the FPU state is too small.
uml_runs() {
	timeout -k 5 400 "$1" mem=64M "ubd0r=$BUSYBOX" root=/dev/ubda ro init=/bin/busybox con=null con0=null,fd:1 -- poweroff -f </dev/null >"$work/first" 2>&1
	grep -qa 'Run /bin/busybox' "$work/first" && ! grep -qa 'Kernel panic' "$work/first"
}
# snapshot_whole FILE SAID: true if e2fsck finds nothing in FILE, a snapshot of a running instance's
# disk; its output goes to SAID. Files that were removed but still open are freed first, as the next
# mount would free them. e2fsck reports such files in a frozen file system of Linux, too.
snapshot_whole() { e2fsck -p "$1" >"$2" 2>&1; e2fsck -fn "$1" >>"$2" 2>&1; }
# on_disk ARCHIVE FILE...: packs files of $work into $work/ARCHIVE, to be used as a disk: -p
# "ubd1r=$work/ARCHIVE" outside, and tar -xf /dev/ubdb inside
on_disk() { tar -C "$work" -cf "$work/$1" "${@:2}" && truncate -s %512 "$work/$1"; }
# net_tools NAME...: builds programs of tests/net/lib and xfer, linked statically, in $work; packs
# xfer into the disk xfer.tar as well
net_tools() {
	local c
	for c in "$@" xfer; do
		gcc -O2 -D_GNU_SOURCE -static -o "$work/$c" "$root/tests/net/lib/$c.c" || { no "$c" "does not build"; exit 1; }
	done
	on_disk xfer.tar xfer
}
# family PID: prints the PID and those of its descendants
family() {
	local p
	echo "$1"
	for p in $(ps -o pid= --ppid "$1"); do family "$p"; done
}
# alive PID...: prints those of the PIDs that are processes, but no zombies
alive() {
	local p left=
	for p in "$@"; do [[ $(ps -o stat= -p "$p") == [!Z]* ]] && left+=" $p"; done
	echo $left
}
# of_the_day WORD...: prints the word that SEED picks, each in its turn, one a day. With tests/run
# --long, which sets LONG, it prints all words, one a line.
of_the_day() { if [[ -n ${LONG:-} ]]; then printf '%s\n' "$@"; else echo "${@:$((SEED % $# + 1)):1}"; fi; }
# one_way WORD...: sets $way to the word that SEED picks. With --long, runs the test from its start
# for each word, and exits.
one_way() {
	local word
	if [[ -n ${LONG:-} && -z ${WAY_OF_TEST:-} ]]; then
		for word; do WAY_OF_TEST=$word "$self" || bad=1; done
		exit $bad
	fi
	way=${WAY_OF_TEST:-$(of_the_day "$@")}
}
# free_port: prints a TCP port that is free on 127.0.0.1. It is outside the host's range of
# ephemeral ports, so the host gives it to no other program in between.
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
# listens PATH: true if a process listens at this Unix socket. The name alone shows nothing: bind()
# makes it before listen().
listens() { grep -q " 00010000 .* $1\$" /proc/net/unix; }
# wait_for SECONDS COMMAND...: waits until the command succeeds. Gives up, and fails, after SECONDS
# (at least two minutes) and a hundred tries: on a machine that stood still time alone proves
# nothing.
wait_for() {
	local end=$((SECONDS + ($1 > 120 ? $1 : 120))) tries=0
	shift
	until "$@"; do
		((++tries < 100 || SECONDS < end)) || { no "waits in vain" "$*"; return 1; }
		sleep 0.1
	done
}
