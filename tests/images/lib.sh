# SPDX-License-Identifier: MIT
# lib.sh: sourced by the tests of image file systems: probe, built for the host and for the guest,
# and a tree to make images of.
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
need() {
	local p
	for p in "$@"; do
		command -v "$p" >/dev/null || [[ -x /usr/sbin/$p || -x /sbin/$p ]] || { no "$p" "is not installed"; exit 1; }
	done
}
PATH=$PATH:/usr/sbin:/sbin
gcc -O1 -w -o "$work/probe-host" "$root/tests/images/probe.c" && gcc -O1 -w -static -o "$work/probe" "$root/tests/images/probe.c" ||
	{ no "probe.c" "does not build"; exit 1; }
# plain_tree DIR: names and contents of every kind that any file system can keep
plain_tree() {
	mkdir -p "$1"/{many,deep/a/b/c/d/e/f,empty-folder} && (
		cd "$1" || exit
		seq -f 'line %.0f of a text that can be compressed' 1 30000 >text
		head -c 700000 /dev/urandom >random
		head -c 131072 text >one-block
		head -c 4096 text >one-page
		head -c 300001 text >tail-end
		: >empty
		printf x >byte
		head -c 500000 /dev/zero >zeros
		cat text zeros random >mixed
		for i in $(seq 1 400); do echo "$i" >"many/a file with a rather long name $i"; done
		for i in $(seq 1 12); do head -c $((i * 3000)) random >"deep/small$i"; done
		echo bottom >deep/a/b/c/d/e/f/bottom
		cp "$work/probe" program
		chmod 755 program)
}
# full_tree DIR: and what Unix knows besides (as root, or under fakeroot)
full_tree() {
	plain_tree "$1" && (
		cd "$1" || exit
		truncate -s 9M sparse
		echo end >>sparse
		dd if=text of=sparse bs=64k seek=64 conv=notrunc status=none
		ln -s text link
		ln -s "/$(printf 'a/long/target/%.0s' $(seq 1 60))" long-link
		ln text hard-link
		mknod null c 1 3
		mknod disk b 259 70000
		mkfifo fifo
		chown 12345:54321 byte
		chmod 4751 byte
		chmod 1777 many
		python3 -c 'import os
for f, v in (("byte", b"blue"), ("text", b"long" * 900), ("random", b"long" * 900)): os.setxattr(f, "user.attr", v)
os.setxattr("many", "user.second", b"2")' 2>/dev/null
		touch -d @951782400 text
		mkdir -p umlaut/äöü-中文)
}
