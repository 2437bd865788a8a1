# SPDX-License-Identifier: MIT
# interop.sh: sourced by interop and long-interop: bulk data between an instance and the host's
# Linux stack over a bad line (line.c, since not every machine has netem). Where no tap device is to
# be had, a second instance is the peer.
export TMPDIR=$work
net_tools line

# enter_netns: executes the script again in a network namespace of its own; fails where no tap
# device is to be had
enter_netns() {
	[[ -z ${IN_NETNS:-} ]] || return 0
	[[ -c /dev/net/tun && -r /dev/net/tun && -w /dev/net/tun ]] && command -v ip >/dev/null &&
		unshare -n ip tuntap add t0 mode tap 2>/dev/null || return 1
	IN_NETNS=1 exec unshare -n "$0"
}
# host_end NAME: makes the tap device NAME, the host's end, and serves at port 7
host_end() {
	ip link set lo up
	ip tuntap add "$1" mode tap
	sysctl -q -w "net.ipv6.conf.$1.accept_dad=0" 2>/dev/null
	ip addr add 10.7.0.1/24 dev "$1"
	ip addr add fd07::1/64 dev "$1" nodad
	ip link set "$1" up
	"$work/xfer" serve 7 &
	server=$!
}

# guest_end NUMBER MTU COMMAND: prints the side of line.c for an instance that runs COMMAND
guest_end() {
	cat >"$work/end$1" <<-EOF
		ip link set eth0 mtu $2 up
		ip addr add 10.7.0.$1/24 dev eth0; ip addr add fd07::$1/64 dev eth0
		cd /tmp; tar -xf /dev/ubdb
		$3
	EOF
	echo "exec:exec timeout -k 5 ${LIMIT:-600} $NESTCTL run --mem 128M --net fd,3,mtu=$2 -p ubd1r=$work/xfer.tar $BUSYBOX -- sh <$work/end$1 2>/dev/null"
}

# transfer WAY ADDRESS BYTES MTU WORD...: prints what xfer said in the guest
transfer() {
	local way=$1 addr=$2 bytes=$3 mtu=$4 other
	shift 4
	if [[ -n ${IN_NETNS:-} ]]; then
		ip link set h0 mtu "$mtu"
		ip addr replace fd07::1/64 dev h0 nodad 2>/dev/null # an MTU below 1280 takes it away
		other=tap:h0
	else
		other=$(guest_end 1 "$mtu" "./xfer serve 7")
	fi
	"$work/line" "$@" "$(guest_end 2 "$mtu" "${CC:+CC=$CC} ./xfer $way $addr 7 $bytes")" "$other" </dev/null | tail -n 1
}

# combination WAY ADDRESS BYTES MTU WORD...: the transfer arrives intact
combination() {
	local said
	said=$(transfer "$@")
	if [[ $said == intact* ]]; then ok "$* ($said)"; else no "$*" "${said:-nothing}"; fi
}
