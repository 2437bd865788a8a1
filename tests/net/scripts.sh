# SPDX-License-Identifier: MIT
# scripts.sh: sourced by scripts and long-scripts: tests/net/tcp/*.tcp against the host's TCP, where it gives a tap device, and the guest's.
# tests/net/tcp/README has the language.
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

# play TITLE-PREFIX COMMAND...: the lines of script, with a prefix
play() {
	local prefix=$1 status
	shift
	"$@" </dev/null | sed -u "s/^ok      /&$prefix: /; s/^NOT OK  /&$prefix: /"
	status=${PIPESTATUS[0]}
	((status == 0)) || bad=1
}
on_host() { # WORD...
	[[ -c /dev/net/tun && -r /dev/net/tun && -w /dev/net/tun ]] && command -v ip >/dev/null &&
		unshare -n ip tuntap add t0 mode tap 2>/dev/null || { echo "#   no tap device here: not compared with the host"; return; }
	local line title slack
	# The host's TCP is the measure, not what is tested: where a busy machine held it up (a segment that goes again, a late answer),
	# that script is played again, alone and with more time. What fails four times is a difference.
	while read -r line; do
		for slack in 4 8 16; do
			[[ $line == "NOT OK  host: "* ]] || break
			title=${line#NOT OK  host: }
			title=${title%%: *}
			echo "#   the host, once more: ${line#NOT OK  host: }"
			line=$(play host unshare -n sh "$work/host" "$@" -j 1 slack=$slack "only=$title" tap:h0 "$work/agent" "${FILES[@]}")
			line=${line:-"NOT OK  host: $title: nothing when played again"}
		done
		echo "$line"
		[[ $line != *"NOT OK"* ]] || bad=1
	done < <(play host unshare -n sh "$work/host" "$@" tap:h0 "$work/agent" "${FILES[@]}")
}
on_guest() { # WORD...
	play guest "$work/script" "$@" fd "exec timeout -k 5 ${LIMIT:-600} '$NESTCTL' run --mem 256M --net fd,3,02:00:00:00:00:02,mtu=1500 \
		-p ncpus=${NCPUS:-2} -p 'ubd1r=$work/agent.tar' '$BUSYBOX' -- sh -c '$(<"$work/guest")' 2>$work/err" "${FILES[@]}"
}
FILES=(${SCRIPTS:-"$here"/*.tcp})
