# SPDX-License-Identifier: MIT
# stress.bash: sourced by the tests of this folder. STRESS_IMAGE= names an image that has stress-ng,
# python3 with its test suite and git; without it one is made (build/tests/stress.ext4).
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

IMAGE=${STRESS_IMAGE:-$BUILD/tests/stress.ext4}
need_image() {
	[[ -e $IMAGE ]] && return
	"$NESTCTL" image build --size 4G -o "$IMAGE" stress-ng python3 libpython3.11-testsuite git >"$work/image.log" 2>&1 ||
		{ no "image" "$(tail -n 1 "$work/image.log")"; exit 1; }
}

# What stands before every script in the guest. memory [BEFORE]: free KiB once all that can be
# dropped is, and dropping more gives nothing more; what dies in the background has a minute to give
# back most of what was free before.
prelude='
memory() {
	local free=0 last=-1 end=$((SECONDS + 60))
	sync
	while ((free > last || (free + 16384 < ${1:-0} && SECONDS < end))); do
		last=$free
		echo 3 >/proc/sys/vm/drop_caches
		free=$(awk "/^MemFree/ { print \$2 }" /proc/meminfo)
	done
	echo $free
}
export HOME=/root LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mountpoint -q /tmp || mount -t tmpfs tmpfs /tmp
mountpoint -q /dev/shm || { mkdir -p /dev/shm; mount -t tmpfs tmpfs /dev/shm; }
'

# in_debian SECONDS MEM PARAMETER... <SCRIPT: its output; the kernel's messages go to $work/console.
in_debian() {
	local limit=$1 mem=$2 p parameters=()
	shift 2
	for p; do parameters+=(-p "$p"); done
	timeout -k 5 "$limit" "$NESTCTL" run --mem "$mem" "${parameters[@]}" "$IMAGE" -- bash -c "$prelude$(cat)" </dev/null 2>"$work/console"
}
broke() { grep -m1 -E 'panic|Oops|UBSAN|lockdep' "$work/console"; }

# The memory that a run did not give back: NAME BEFORE AFTER (KiB); 16 MiB of caches and pools may
# be larger than before.
returned() {
	if ((${3:-0} + 16384 > ${2:-0} && ${3:-0} > 0)); then ok "$1: memory returns"; else no "$1: memory returns" "${3:-?} KiB free, were ${2:-?}"; fi
}
