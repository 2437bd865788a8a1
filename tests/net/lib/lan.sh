# SPDX-License-Identifier: MIT
# lan.sh: sourced by tests that put instances and the host on one network: the script runs in a
# network namespace of its own, where it may have one, and says so and ends where it may not.
export TMPDIR=$work

# own_network [tap]: the rest of the script is in a namespace of its own, with lo up; tap: and tap
# devices are to be had
own_network() {
	local why=
	if [[ -z ${IN_NETNS:-} ]]; then
		command -v ip >/dev/null || why="no ip(8) on the host"
		unshare -n true 2>/dev/null || why="no network namespace to be had"
		if [[ -z $why && ${1:-} == tap ]]; then
			[[ -c /dev/net/tun && -r /dev/net/tun && -w /dev/net/tun ]] || why="no /dev/net/tun"
			[[ -n $why ]] || unshare -n ip tuntap add t0 mode tap 2>/dev/null || why="no tap device to be had"
		fi
		if [[ -n $why ]]; then
			skip_rest "$why"
		fi
		IN_NETNS=1 exec unshare -n "$0"
	fi
	ip link set lo up
}

# on_lan NAME NET SCRIPT: an instance whose eth0 is NET runs SCRIPT in the background; its output is
# $work/NAME.out
on_lan() {
	printf 'echo 1 >/proc/sys/kernel/printk\nip link set eth0 up\n%s\n' "$3" >"$work/$1.sh"
	timeout -k 5 900 "$NESTCTL" run --mem 128M --net "$2" "$BUSYBOX" -- sh <"$work/$1.sh" >"$work/$1.out" 2>"$work/$1.err" &
	pids+=($!)
}

# exchange OWN PEER...: prints the script of an instance with the address OWN: it serves a file of
# its own, fetches those of its peers, and prints "same PEER" for each that is right. The caller
# adds what keeps the instance alive for the others.
exchange() {
	local own=$1
	shift
	cat <<-EOS
		ip addr add $own/24 dev eth0
		mkdir /tmp/w; cd /tmp/w; head -c 3000000 /dev/urandom >data; sha256sum data | cut -d' ' -f1 >sum
		httpd -p 8000 -h /tmp/w
		for peer in $*; do
			n=0; until timeout 100 wget -q -O /tmp/got.\$peer http://\$peer:8000/data && timeout 100 wget -q -O /tmp/sum.\$peer http://\$peer:8000/sum; do
				n=\$((n + 1)); [ \$n = 300 ] && break; sleep 0.5; done
			[ "\$(sha256sum /tmp/got.\$peer | cut -d' ' -f1)" = "\$(cat /tmp/sum.\$peer)" ] && echo "same \$peer"
		done
	EOS
}
# exchanged NAME COUNT...: true if each NAME has printed "same" COUNT times
exchanged() {
	while (($#)); do
		[[ $(grep -c '^same' "$work/$1.out") == "$2" ]] || return 1
		shift 2
	done
}
# The host's part of exchange, in the background: its output is host.out
host_exchange() { # OWN PEER...
	python3 - "$work" "$@" >"$work/host.out" 2>&1 <<-'EOS' &
		import functools, hashlib, http.client, http.server, os, sys, threading, time, urllib.request
		work, own, peers = sys.argv[1] + "/www", sys.argv[2], sys.argv[3:]
		os.mkdir(work)
		data = os.urandom(3000000)
		open(work + "/data", "wb").write(data)
		open(work + "/sum", "w").write(hashlib.sha256(data).hexdigest() + "\n")
		class Quiet(http.server.SimpleHTTPRequestHandler):
		    def log_message(self, *a):
		        pass
		server = http.server.ThreadingHTTPServer((own, 8000), functools.partial(Quiet, directory=work))
		threading.Thread(target=server.serve_forever, daemon=True).start()
		def get(peer, name, tries=300):
		    for _ in range(tries):
		        try:
		            return urllib.request.urlopen("http://%s:8000/%s" % (peer, name), timeout=30).read()
		        except (OSError, http.client.HTTPException):
		            time.sleep(0.5)
		    return b""
		for peer in peers:
		    body = get(peer, "data")
		    if body and hashlib.sha256(body).hexdigest().encode() == get(peer, "sum").strip():
		        print("same", peer, flush=True)
		time.sleep(1000)
	EOS
	pids+=($!)
}
