# SPDX-License-Identifier: MIT
# frames.sh: sourced by frames and long-frames: hostile frames for a guest's card (frames.c); what
# the guest has after them.
export TMPDIR=$work
net_tools frames
cat >"$work/guest" <<'EOS'
	ip link set lo up; ip link set eth0 up; ip addr add 10.7.0.2/24 dev eth0; ip addr add fd07::2/64 dev eth0
	cd /tmp; tar -xf /dev/ubdb
	./xfer serve 7 & ./xfer sink 9 &
	left() { grep MemFree /proc/meminfo | tr -dc 0-9; }
	spin() { i=0; while [ $i -lt 30000 ]; do i=$((i + 1)); done; }
	ms() { cut -d' ' -f1 /proc/uptime | tr -d .; }
	spin; a=$(ms); spin; alone=$(($(ms) - a)); before=$(left)
	echo ready
	a=$(ms); spin; echo "spin $alone $(($(ms) - a))"
		read x; after=$(left); echo "memory $((before - after))"
	dmesg | grep -i 'asan: \|oops\|lockdep:\|BUG:\|panic' | head -n 3
EOS
cat >"$work/boot" <<-EOS
	exec timeout -k 5 \${LIMIT:-600} "\$NESTCTL" run --mem 256M --net fd,3,02:00:00:00:00:02 "\$@" -p "ubd1r=$work/xfer.tar" "\$BUSYBOX" -- \
		sh -c "\$(<"$work/guest")" 2>"$work/err"
EOS
export NESTCTL BUSYBOX

# hostile KIND NUMBER SEED PARAMETER...: the guest answers afterwards, has no oops, has not lost
# more than MOST=24576 KiB, and its tasks went on meanwhile
hostile() {
	local name="$1, $2 frames, seed $3" said status memory alone loaded
	for _ in 1 2 3; do
		said=$("$work/frames" "$1" "$2" "$3" "bash $work/boot ${*:4}")
		status=$?
		read -r alone loaded < <(sed -n 's/^spin //p' <<<"$said")
		# the host may have stood still meanwhile
		((!status && loaded > 10 * alone + 300)) && ! grep -qv '^memory\|^#\|^spin' <<<"$said" || break
	done
	memory=$(sed -n 's/^memory //p' <<<"$said")
	said=$(grep -v '^memory\|^#\|^spin' <<<"$said")
	if ((status)) || [[ -n $said ]]; then
		no "$name" "status $status: ${said:0:200} $(tail -n 1 "$work/err")"
	elif ((memory > ${MOST:-24576})); then
		no "$name" "$memory KiB are gone"
	elif ((loaded > 10 * alone + 300)); then
		no "$name" "the guest's tasks starve: ${loaded}0 ms for ${alone}0"
	else
		ok "$name ($memory KiB)"
	fi
}
