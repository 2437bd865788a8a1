# SPDX-License-Identifier: MIT
# scripts.sh: sourced by scripts and long-scripts: tests/net/tcp/*.tcp against the host's TCP, where
# it gives a tap device, and the guest's. tests/net/tcp/README has the language.
export TMPDIR=$work
here=$root/tests/net/tcp
gcc -O2 -D_GNU_SOURCE -static -pthread -o "$work/agent" "$here/agent.c" &&
	gcc -O2 -D_GNU_SOURCE -static -o "$work/script" "$here/script.c" "$here/play.c" "$here/segment.c" ||
	{ no "tests/net/tcp" "does not build"; exit 1; }
tar -C "$work" -cf "$work/agent.tar" agent
truncate -s %512 "$work/agent.tar"
cat >"$work/host" <<-EOS
	ip link set lo up; ip tuntap add h0 mode tap
	sysctl -q -w net.ipv4.tcp_congestion_control=reno net.ipv6.conf.h0.accept_dad=0 net.ipv4.tcp_fastopen=1
	ip addr add 10.7.0.2/16 dev h0; ip addr add fd07::2/64 dev h0 nodad; ip link set h0 up
	exec "$work/script" "\$@"
EOS
cat >"$work/guest" <<-EOS
	ip link set lo up; ip link set eth0 up; ip addr add 10.7.0.2/16 dev eth0; ip addr add fd07::2/64 dev eth0
	stty -echo -onlcr 2>/dev/null
	cd /tmp; tar -xf /dev/ubdb; exec ./agent
EOS

# play TITLE-PREFIX COMMAND...: the lines of script, with a prefix, and its status
play() {
	local prefix=$1
	shift
	"$@" </dev/null | sed -u "s/^ok      /&$prefix: /; s/^NOT OK  /&$prefix: /"
	return "${PIPESTATUS[0]}"
}
# once_more NAME HOW WORD...: HOW plays. Where a busy machine held one up (a segment that goes
# again, a late answer), that script is played again, alone and with more time. What fails four
# times is a difference.
once_more() {
	local name=$1 how=$2 line title slack failed= player
	shift 2
	exec 7< <("$how" "$@")
	player=$!
	while read -r line <&7; do
		for slack in 4 8 16; do
			[[ $line == *"NOT OK  $name: "* ]] || break
			failed=1
			title=${line##*"NOT OK  $name: "}
			title=${title%: *.tcp:*}
			echo "#   $name, once more: ${line##*"NOT OK  $name: "}"
			line=$("$how" "$@" -j 1 slack=$slack "only=$title" 7<&-)
			line=${line:-"NOT OK  $name: $title: nothing when played again"}
		done
		echo "$line"
		[[ $line != *"NOT OK"* ]] || bad=1
	done
	exec 7<&-
	wait $player || [[ -n $failed ]] || no "$name: the scripts come to their end"
}
host_plays() { play host unshare -n sh "$work/host" "$@" tap:h0 "$work/agent" "${FILES[@]}"; }
on_host() { # WORD...
	[[ -c /dev/net/tun && -r /dev/net/tun && -w /dev/net/tun ]] && command -v ip >/dev/null &&
		unshare -n ip tuntap add t0 mode tap 2>/dev/null || { skip "${0##*/} on the host" "no tap device to be had"; return; }
	once_more host host_plays "$@"
}
guest_plays() {
	play guest "$work/script" "$@" fd "exec timeout -k 5 ${LIMIT:-600} '$NESTCTL' run --mem 256M --net fd,3,02:00:00:00:00:02,mtu=1500 \
		-p ncpus=${NCPUS:-2} -p 'ubd1r=$work/agent.tar' '$BUSYBOX' -- sh -c '$(<"$work/guest")' 2>$work/err" "${FILES[@]}"
}
on_guest() { once_more guest guest_plays "$@"; } # WORD...
FILES=(${SCRIPTS:-"$here"/*.tcp})
