# SPDX-License-Identifier: MIT
# netlink.sh: sourced by netlink and long-netlink: hostile messages of netlink (nlfuzz.c); what the
# guest has after them.
export TMPDIR=$work
net_tools nlfuzz
on_disk fuzz.tar nlfuzz

# messages NUMBER SEED...: all are sent, there is no oops, and at most 24 MiB are gone
messages() {
	local number=$1 said memory
	shift
	said=$(timeout -k 5 "${LIMIT:-600}" "$NESTCTL" run --mem 256M -p ncpus=2 -p "ubd1r=$work/fuzz.tar" "$BUSYBOX" -- sh -c "
		cd /tmp; tar -xf /dev/ubdb
		left() { grep MemFree /proc/meminfo | tr -dc 0-9; }
		./nlfuzz 1000 0 >/dev/null; before=\$(left)
		for seed in $*; do ./nlfuzz $number \$seed || echo status \$?; done
		n=0; until after=\$(left); [ \$((before - after)) -le 24576 ] || [ \$n = 600 ]; do sleep 0.1; n=\$((n + 1)); done; echo memory \$((before - after))
		dmesg | grep -i 'asan: \|oops\|lockdep:\|BUG:\|panic' | head -n 3" 2>"$work/err")
	memory=$(sed -n 's/^memory //p' <<<"$said")
	if [[ -z $memory || $(grep -c ' sent, ' <<<"$said") != $# || $(wc -l <<<"$said") != $(($# + 1)) ]]; then
		no "netlink, $number messages" "${said:0:300} $(tail -n 1 "$work/err")"
	elif ((memory > 24576)); then
		no "netlink, $number messages" "$memory KiB are gone"
	else
		ok "netlink, $number messages, seeds $* ($memory KiB)"
	fi
}
