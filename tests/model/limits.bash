# SPDX-License-Identifier: MIT
# limits.bash: sourced. limits_way KIND SEED OPERATIONS: limits.c in a guest, on a file system of
# KIND that is too small for it (ext4-4096, ext4-1024, tmpfs, hostfs); with LIMITS_EIO=1
# (long-limits) also on one whose disk the host cannot always read (ext4-4096-eio, ext4-1024-eio).
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
here=$(dirname "${BASH_SOURCE[0]}")
gcc -O2 -D_GNU_SOURCE -Wno-unused-result -static -o "$work/limits" "$here/limits.c" || { no "limits" "does not build"; exit 1; }
on_disk limits.tar limits
[[ -e $BUSYBOX ]] || { mkdir -p "$(dirname "$BUSYBOX")" && "$NESTCTL" image build --variant busybox --size 512M -o "$BUSYBOX" >/dev/null; } ||
	{ no "no busybox image"; exit 1; }
ways=(ext4-4096 ext4-1024 tmpfs)
[[ -z ${LIMITS_EIO:-} ]] || ways+=(ext4-4096-eio ext4-1024-eio)
# the host's side of hostfs is a small tmpfs, in a mount namespace of its own
if ((EUID == 0)) && unshare -m mount -t tmpfs none "$work" 2>/dev/null; then ways+=(hostfs); else skip hostfs "it needs root and a tmpfs"; fi

limits_way() {
	local kind=$1 seed=$2 image=$work/img block mode=full mount fault='' small=()
	IFS=- read -r _ block _ <<<"$kind"
	rm -f "$image"
	truncate -s 1M "$image"
	case $kind in
	*-eio)
		mode=eio fault=1,read,eio,8,$seed
		truncate -s 64M "$image"
		mke2fs -q -F -t ext4 -b "$block" "$image" >/dev/null 2>&1
		;;
	ext4-1024) truncate -s 4M "$image" && mke2fs -q -F -t ext4 -b 1024 -m 0 -O ^resize_inode -J size=1 "$image" >/dev/null 2>&1 ;;
	ext4-4096) truncate -s 8M "$image" && mke2fs -q -F -t ext4 -b 4096 -m 0 -O ^resize_inode "$image" >/dev/null 2>&1 ;;
	esac
	case $kind in
	tmpfs) mount="mount -t tmpfs -o size=3m t /mnt" ;;
	hostfs)
		mode=host
		mount="mount -t hostfs none /mnt -o /,setid"
		mkdir -p "$work/small"
		# shellcheck disable=SC2016 # the inner shell's
		small=(unshare -m sh -c 'mount -t tmpfs -o size=3m none "$0" && exec "$@"' "$work/small")
		;;
	*) mount="i=0; until mount -t ext4 /dev/ubdb /mnt 2>/dev/null || [ \$i = 100 ]; do i=\$((i + 1)); done" ;;
	esac
	timeout -k 5 3000 "${small[@]}" "$NESTCTL" run --mem 256M -p "ubd1=$image" -p "ubd2r=$work/limits.tar" ${fault:+-p "diskfault=$fault"} \
		$([[ $kind != hostfs ]] || echo -p "hostfs=$work/small") "$BUSYBOX" -- sh -c "cd /tmp && tar -xf /dev/ubdc && $mount
		./limits /mnt $seed $3 $mode $([[ $kind == tmpfs ]] || echo "'umount /mnt && { $mount; }'"); cd /; umount /mnt" </dev/null 2>&1 | tr -d '\r' >"$work/said"
	# what errors have kept from being freed is on the list of orphans: a mount of a disk that
	# can be read finishes it
	[[ $mode != eio ]] || timeout -k 5 300 "$NESTCTL" run --mem 256M -p "ubd1=$image" "$BUSYBOX" -- sh -c 'mount -t ext4 /dev/ubdb /mnt && umount /mnt' \
		</dev/null >>"$work/said" 2>&1
	if [[ $kind == ext4-* ]] && ! e2fsck -fn "$image" >"$work/fsck" 2>&1; then
		echo "e2fsck: $(grep -m2 -vE '^(Pass|e2fsck)' "$work/fsck" | tr '\n' ' ')" >>"$work/said"
	fi
	if grep -q '^limits end' "$work/said" && ! grep -q '^e2fsck' "$work/said"; then
		ok "$kind, seed $seed: $(sed -n 's/^limits end: //p' "$work/said")"
	else
		no "$kind, seed $seed" "$(grep . "$work/said" | tail -n 2 | tr '\n' ' ')"
	fi
}
