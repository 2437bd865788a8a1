# SPDX-License-Identifier: MIT
# works.sh: builds the initrd and the disk of tests/state/lib/works, and drives chain.py; for the
# tests here.
export HOME=$work TMPDIR=$work
unset XDG_RUNTIME_DIR
trap 'kill -KILL $(jobs -rp) 2>/dev/null; wait 2>/dev/null; rm -rf "$work"' EXIT
lib=$root/tests/state/lib

# build_works: $work/works, $work/initrd and $work/disk.img
build_works() {
	local tree=$work/tree file
	gcc -O1 -g -D_GNU_SOURCE -Wall -Wextra -Wno-unused-parameter -static -pthread -o "$work/works" "$lib"/works/*.c || return
	mkdir -p "$tree"/{bin,dev,proc,sys,tmp,disk} "$work/files/lib"
	cp "$work/works" "$tree/init"
	cp "$(command -v busybox)" "$tree/bin/busybox" || return
	for file in sh cat wc; do ln -s busybox "$tree/bin/$file"; done
	python3 "$lib/cpio.py" "$tree" "$work/initrd" || return
	if command -v sqlite3 >/dev/null; then
		cp "$(command -v sqlite3)" $(ldd "$(command -v sqlite3)" | grep -o '/[^ ]*') "$work/files/lib"
	else
		echo "# the host has no sqlite3"
	fi
	mke2fs -q -t ext4 -d "$work/files" "$work/disk.img" 64M >/dev/null
}
# chain NAME MOMENTS SEED ARGUMENT...: chain.py with the disk; afterwards the disk is whole
chain() {
	local name=$1 said instance run=$work/run
	# in memory, if there is room: each save waits for the disk
	if [[ $(df --output=avail /dev/shm 2>/dev/null | tail -n 1) -gt 500000 ]]; then
		run=$(mktemp -d /dev/shm/works.XXXXXX)
	fi
	trap 'kill -KILL $(jobs -rp) 2>/dev/null; wait 2>/dev/null; rm -rf "$work" "'"$run"'"' EXIT
	mkdir -p "$run"
	said=$(python3 "$lib/chain.py" "$KERNEL" "$work/initrd" "$work/disk.img" "$run" \
		"${@:2:2}" "${@:4}")
	sed -n "s/^#/&/p" <<<"$said"
	said=$(grep -v "^#" <<<"$said")
	if [[ $said != ok* ]]; then
		no "$name" "$said"
		[[ -z ${KEEP:-} ]] || cp -r "$run" "$KEEP"
	else
		ok "$name: ${said#ok * }"
		instance=$(cut -d' ' -f2 <<<"$said")
		if "$NESTCTL" snapshot "$instance" -o "$work/end.cow" >"$work/snapshot" 2>&1 &&
			"$NESTCTL" cow convert --to raw "$work/end.cow" "$work/end.raw"; then
			if snapshot_whole "$work/end.raw" "$work/fsck"; then
				ok "$name: the disk is whole"
			else
				no "$name: the disk is whole" "$(grep -v '^Pass' "$work/fsck" | head -n 20)"
				[[ -z ${KEEP:-} ]] || cp "$work/end.cow" "$KEEP"
			fi
		else
			no "$name: the disk" "$(<"$work/snapshot")"
		fi
		kill -KILL "$(cat "$work/.uml/$instance/pid")"
	fi
	rm -rf "$run" "$work"/end.*
}
