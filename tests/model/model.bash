# SPDX-License-Identifier: MIT
# model.bash: sourced. model_way NAME SEED FILE_OPERATIONS TREE_OPERATIONS: files.c and trees.c with
# one seed on the host's file system and in a guest on ext4-4096, ext4-1024, tmpfs or hostfs; every
# result, content and attribute must be the same. Of the first STEP operations that differ it prints
# the first (MODEL_TRACE, model.h).
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
here=$(dirname "${BASH_SOURCE[0]}")
for p in files trees; do
	gcc -O2 -D_GNU_SOURCE -Wno-unused-result -static -o "$work/$p" "$here/$p.c" || { no "$p" "does not build"; exit 1; }
done
on_disk model.tar files trees
[[ -e $BUSYBOX ]] || { mkdir -p "$(dirname "$BUSYBOX")" && "$NESTCTL" image build --variant busybox --size 512M -o "$BUSYBOX" >/dev/null; } ||
	{ no "no busybox image"; exit 1; }
disk_dir=$(mktemp -d -p "$BUILD") # a real disk's file system
shm_dir=$(mktemp -d -p /dev/shm)
trap 'rm -rf "$work" "$disk_dir" "$shm_dir"' EXIT
kind=$(stat -f -c %T "$disk_dir")
processes=3
ways=(ext4-4096 ext4-1024 tmpfs)
if ((EUID == 0)); then ways+=(hostfs); else skip hostfs "it needs root"; fi # owners are as on the host only then

# options FS: what both sides can do of files.c
options() {
	case $1 in
	tmpfs) ;;
	*) [[ $kind == ext2/ext3 ]] && echo direct shift ;;
	esac
}
# native FS SEED FILE_OPS TREE_OPS: sorted lines
native() {
	local dir=$disk_dir
	[[ $1 == tmpfs ]] && dir=$shm_dir
	rm -rf "${dir:?}"/*
	("$work/files" "$dir" "$2" "$3" $(options "$1") && "$work/trees" "$dir" "$2" "$4" $processes $([[ $1 == tmpfs ]] || echo xattr)) 2>&1 | sort -V
	rm -rf "${dir:?}"/*
}
# guest FS SEED FILE_OPS TREE_OPS
guest() {
	local mount image=$work/img type=$1
	case $1 in
	ext4-*)
		rm -f "$image"
		truncate -s 128M "$image"
		mke2fs -q -F -t ext4 -b "${1#ext4-}" "$image" >/dev/null 2>&1
		mount="mount -t ext4 /dev/ubdb /mnt"
		;;
	tmpfs) mount="mount -t tmpfs t /mnt" && truncate -s 1M "$image" ;;
	hostfs)
		rm -rf "${disk_dir:?}"/*
		mount="mount -t hostfs none /mnt -o /,setid" && truncate -s 1M "$image"
		;;
	esac
	timeout -k 5 3000 "$NESTCTL" run --mem 256M -p "hostfs=$disk_dir" -p "ubd1=$image" -p "ubd2r=$work/model.tar" "$BUSYBOX" -- sh -c "cd /tmp && tar -xf /dev/ubdc &&
		$mount && export MODEL_TRACE=${MODEL_TRACE:-0-0} && ./files /mnt $2 $3 $(options "$type") drop && ./trees /mnt $2 $4 $processes \
		$([[ $1 == tmpfs ]] || echo xattr); cd / && umount /mnt" </dev/null 2>&1 | tr -d '\r' | sort -V
	if [[ $1 == ext4-* ]] && ! e2fsck -fn "$image" >"$work/fsck" 2>&1; then
		echo "e2fsck $(grep -m2 -vE '^(Pass|e2fsck)' "$work/fsck" | tr '\n' ' ')"
	fi
}
model_way() {
	local first who n
	native "$@" >"$work/native"
	guest "$@" >"$work/guest"
	if [[ $(grep -c ' end ' "$work/native") == $((processes + 1)) ]] && cmp -s "$work/native" "$work/guest"; then
		ok "$1, seed $2: $3 operations on files, $processes times $4 on names"
		return
	fi
	first=$(diff "$work/native" "$work/guest" | sed -n 's/^[<>] //p' | head -n 1)
	read -r who n _ <<<"$first"
	if [[ $n =~ ^[0-9]+$ ]]; then
		export MODEL_TRACE=$((n - 250))-$n
		native "$@" | grep "^$who " >"$work/native"
		guest "$@" | grep "^$who " >"$work/guest"
		unset MODEL_TRACE
		cp "$work/native" "$BUILD/model-$1-native" && cp "$work/guest" "$BUILD/model-$1-guest"
		first=$(diff "$work/native" "$work/guest" | grep '^[<>]' | sort -s -k3V | head -n 4 | tr '\n' ';')
	fi
	no "$1, seed $2" "$first"
}
