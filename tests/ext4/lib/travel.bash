# SPDX-License-Identifier: MIT
# travel.bash: sourced. travel TURNS: one image over a COW file, written by turns by Nestling and by
# User Mode Linux. Each reads what the other has made (sums of all files, in a file of its own),
# adds, changes and removes, and e2fsck finds nothing after each turn. The shell that works in both
# is busybox, from the same root image, which both mount read-only.
. "$(dirname "${BASH_SOURCE[0]}")/../../lib.sh"
uml=${UML:-$(command -v linux.uml)}
if [[ -z $uml ]]; then
	skip_rest "no linux.uml (package user-mode-linux)"
fi
if ! uml_runs "$uml"; then
	skip_rest "$uml does not run here"
fi

# what a turn does, in either
turn_script() {
	cat <<-EOS
		export PATH=/bin:/sbin:/usr/bin:/usr/sbin
		mount -t tmpfs t /tmp
		mount -t ext4 /dev/ubdb /mnt && cd /mnt || echo @@nomount
		[ $1 = 1 ] || (md5sum -c sums >/tmp/check 2>&1 && find . -type l | sort | xargs -n 1 readlink | md5sum | cmp - links && echo @@same)
		[ $1 = 1 ] && echo @@same
		for i in \$(seq 1 40); do mkdir -p d$1/s\$((i % 7)); echo "turn $1 file \$i" >d$1/s\$((i % 7))/file-\$i; done
		dd if=/dev/urandom of=d$1/big bs=4k count=300 2>/dev/null
		dd if=/dev/urandom of=d$1/sparse bs=1k count=3 seek=\$(($1 * 7000)) 2>/dev/null
		ln -s a/long/target/that/does/not/fit/into/the/inode/of/sixty/bytes/but/needs/a/block/turn/$1 d$1/long
		ln -s short$1 d$1/short
		ln d$1/s1/file-1 d$1/hard
		mv d$(($1 - 1))/big moved-$1 2>/dev/null
		truncate -s 70001 moved-$1
		rm -rf d$(($1 - 2)) moved-$(($1 - 3))
		for i in \$(seq 1 300); do : >many-$1-with-a-name-that-makes-the-folder-grow-\$i; done
		rm -f many-$(($1 - 1))-*
		find . -type f ! -name sums ! -name links | sort | xargs md5sum >/tmp/sums && cp /tmp/sums sums
		find . -type l | sort | xargs -n 1 readlink | md5sum >/tmp/links && cp /tmp/links links
		cd / && umount /mnt && echo @@done
		poweroff -f
	EOS
}

# run_turn N KERNEL IMAGE...: the disk as ubd1's parameter
run_turn() {
	local n=$1 kernel=$2 disk=$3
	turn_script "$n" >"$work/script"
	rm -f "$work/keys"
	mkfifo "$work/keys" # User Mode Linux cannot wait for a file
	exec 9<>"$work/keys"
	cat "$work/script" >&9
	timeout -k 5 "${TURN_LIMIT:-400}" "$kernel" mem=192M "ubd0r=$BUSYBOX" "ubd1=$disk" root=/dev/ubda ro init=/bin/sh con=null con0=fd:0,fd:1 \
		quiet <"$work/keys" >"$work/console-$n" 2>&1
	exec 9>&-
	grep -qa '^@@same' "$work/console-$n" && grep -qa '^@@done' "$work/console-$n"
}

# The format that both know, by whichever form of the command there is
uml_layer() {
	(cd "$work" && { "$NESTCTL" cow create disk.cow --backing base --format v3 || "$NESTCTL" cow create disk.cow base; } >/dev/null 2>&1)
}

# flat: the layer and the image as one file
flat() { "$work/cut" flatten "$work/disk.cow" "$work/base" "$work/flat"; }

travel() {
	local turns=$1 n kernel name mkfs
	gcc -O2 -D_GNU_SOURCE -I"$root" -o "$work/cut" "$root/tests/crash/cut.c" || { no "cut does not build"; return; }
	for mkfs in '-b 4096' '-b 1024'; do
		rm -f "$work"/{base,disk.cow,flat}
		truncate -s 96M "$work/base"
		mke2fs -q -F -t ext4 $mkfs "$work/base" >/dev/null 2>&1
		touch -d '2 minutes ago' "$work/base"
		uml_layer || { no "no layer"; return; }
		for ((n = 1; n <= turns; n++)); do
			if ((n % 2)); then kernel=$KERNEL name=Nestling; else kernel=$uml name="User Mode Linux"; fi
			if run_turn "$n" "$kernel" "$work/disk.cow,$work/base"; then
				ok "turn $n, $name, $mkfs: what the other wrote is there"
			else
				no "turn $n, $name, $mkfs" "$(tr -d '\r' <"$work/console-$n" | grep -a . | tail -n 3 | tr '\n' ' ')"
				return
			fi
			if flat && e2fsck -fn "$work/flat" >"$work/fsck" 2>&1; then
				ok "turn $n, $name, $mkfs: e2fsck"
			else
				no "turn $n, $name, $mkfs: e2fsck" "$(grep -m2 -vE '^(Pass|e2fsck)' "$work/fsck" | tr '\n' ' ')"
			fi
		done
	done
}
