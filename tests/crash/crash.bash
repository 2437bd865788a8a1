# SPDX-License-Identifier: MIT
# crash.bash: sourced. crash_rounds ROUNDS [SEED]: that many crashes of a file system in use.
#
# A guest runs tests/crash/churn.c on an image and is killed with SIGKILL at a random moment: one
# round. Everything it wrote is on record (cutlog=), so the same run gives more rounds: power cuts
# (PER_RUN - 1) at random points of the record (tests/crash/cut.c: what was not flushed is dropped,
# reordered, torn). Each round: the journal is replayed, by e2fsck or by our own mount; e2fsck -f
# finds nothing; what was acknowledged is there; the COW file is sound; the next guest boots, mounts
# and writes.
#
# A round that fails is kept in $BUILD/tests/crash-failed/ROUND: the files as the crash left them,
# what they were before, and a script, `again`, that looks at them once more.
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
here=$(dirname "${BASH_SOURCE[0]}")
gcc -O2 -D_GNU_SOURCE -Wno-unused-result -static -o "$work/churn" "$here/churn.c" "$here/model.c" &&
	gcc -O2 -D_GNU_SOURCE -static -o "$work/ack" "$here/ack.c" &&
	gcc -O2 -D_GNU_SOURCE -I"$root" -o "$work/cut" "$here/cut.c" || { no "the programs do not build"; exit 1; }
cp "$here/apps.sh" "$work/"
on_disk churn.tar churn ack apps.sh
[[ -e $BUSYBOX ]] || { mkdir -p "$(dirname "$BUSYBOX")" && "$NESTCTL" image build --variant busybox --size 512M -o "$BUSYBOX" >/dev/null; } ||
	{ no "no busybox image"; exit 1; }
can_check=$("$NESTCTL" cow 2>&1 | grep -ow check | head -n 1)

# What is written to, by turns: mke2fs's options, size, a layer or not, the workload's options,
# vCPUs
KINDS=(
	'-t ext4 -b 4096|64M|raw|noise|2'
	'-t ext4 -b 1024 -J size=1|24M|raw|noise|1'
	'-t ext4 -b 4096|64M|cow|noise|1'
	'-t ext4 -b 4096|20M|raw|noise full|2'
	'-t ext4 -b 1024|16M|cow|noise full|2'
	'-t ext4 -b 2048 -O ^metadata_csum,^64bit -I 128|40M|raw|noise|2'
	'-t ext3 -b 1024 -J size=1|32M|raw|noise noextents|2'
	'-t ext4 -b 4096 -J size=4|64M|raw|none|4'
	'-t ext4 -b 4096|64M|cow4|noise|2'
)

# The same for sqlite and git (apps.sh), in a guest whose root has them: need_apps
APP_KINDS=(
	'-t ext4 -b 4096|96M|raw|apps|2'
	'-t ext4 -b 1024 -J size=2|64M|raw|apps|2'
	'-t ext4 -b 4096|96M|cow4|apps|1'
	'-t ext4 -b 4096|96M|cow|apps|2'
	'-t ext4 -b 1024 -O inline_data -I 256|64M|raw|apps|4'
)
has_apps() { [[ $(debugfs -R 'stat /usr/bin/sqlite3' "$1" 2>/dev/null; debugfs -R 'stat /usr/bin/git' "$1" 2>/dev/null) == *Type:*regular*Type:*regular* ]]; }
# APPS: an image with both; the user's CRASH_IMAGE, or one that is made once
need_apps() {
	APPS=${CRASH_IMAGE:-$BUILD/tests/apps.ext4}
	[[ -e $APPS ]] || "$NESTCTL" image build -o "$APPS" git sqlite3 >"$work/apps.log" 2>&1
	[[ -e $APPS ]] && has_apps "$APPS"
}

# boot_sh CONSOLE PARAMETER...: a busybox guest whose shell reads our standard input
boot_sh() {
	local console=$1
	shift
	exec "$KERNEL" "mem=${APPS_MEM:-192M}" "ubd0r=${APPS:-$BUSYBOX}" "ubd3r=$work/churn.tar" root=/dev/ubda ro init=/bin/sh con=null con0=fd:0,fd:1 quiet "$@" \
		>"$console" 2>&1
}
prelude='echo; export PATH=/bin:/sbin:/usr/bin:/usr/sbin; mount -t tmpfs t /tmp; cd /tmp; tar -xf /dev/ubdd'

# fresh DIR KIND: base, disk (a copy or a layer of it) and ack
fresh() {
	local mkfs size form rest
	IFS='|' read -r mkfs size form rest <<<"$2"
	rm -rf "$1"
	mkdir "$1"
	truncate -s "$size" "$1/base"
	mke2fs -q -F $mkfs "$1/base" >/dev/null 2>&1 || return 1
	truncate -s 4M "$1/ack"
	if [[ $form == cow* ]]; then
		(cd "$1" && "$NESTCTL" cow create --format "$([[ $form == cow4 ]] && echo v4 || echo v3)" disk base >/dev/null)
	else
		cp --sparse=always "$1/base" "$1/disk"
	fi
	cp --sparse=always "$1/disk" "$1/disk.before"
}

# workload run|verify OPTIONS SEED: the guest's command
workload() {
	if [[ $2 == apps ]]; then echo "mount -t proc p /proc; sh ./apps.sh $1 /mnt /dev/ubdc"; else echo "./churn $1 /mnt $3 3 /dev/ubdc $2"; fi
}

# used PID: milliseconds that the kernel with all its threads has computed
used() {
	local f
	read -r -a f 2>/dev/null <"/proc/$1/stat" && echo $(((f[13] + f[14]) * 10))
}
# run_workload DIR KIND SEED MILLISECONDS: until it is killed, once its kernel has computed for so
# long: on a busy machine it gets as far as on a quiet one. A minute is enough in any case.
run_workload() {
	local mkfs size form options ncpus pid until end type=ext4
	IFS='|' read -r mkfs size form options ncpus <<<"$2"
	[[ $mkfs == *ext3* ]] && type=ext3
	echo "$prelude; mount -t $type /dev/ubdb /mnt && $(workload run "$options" "$3"); sleep 1000" >"$1/script"
	boot_sh "$1/console" "ubd1=$1/disk" "ubd2=$1/ack" "cutlog=$1/log" "ncpus=$ncpus" <"$1/script" &
	pid=$!
	wait_for 60 grep -qs 'churn: begins' "$1/console"
	until=$(($(used $pid) + $4)) end=$((SECONDS + 60))
	while ((SECONDS < end && $(used $pid || echo $until) < until)); do sleep 0.01; done
	kill -9 $pid 2>/dev/null
	wait $pid 2>/dev/null
	grep -q 'churn: begins' "$1/console" || { echo "the workload did not begin: $(tail -n 1 "$1/console")"; return 1; }
	if grep -E '^churn: [^b]|EXT4-fs.*(error|lost)|BUG( at|:)|[Oo]ops|panic' "$1/console" | head -n 1 | grep .; then return 1; fi
}

# look DIR KIND SEED HOW: DIR has disk and ack as a crash left them; HOW: ours or e2fsck. What is
# wrong, or nothing.
look() {
	local mkfs size form options ncpus disk=disk type=ext4 code base=
	IFS='|' read -r mkfs size form options ncpus <<<"$2"
	[[ $mkfs == *ext3* ]] && type=ext3
	if [[ $form == cow* && -n $can_check ]]; then
		"$NESTCTL" cow check "$1/disk" >"$1/cowcheck" 2>&1 || { echo "cow check: $(tail -n 1 "$1/cowcheck")"; return 1; }
	fi
	if [[ $4 == e2fsck ]]; then
		if [[ $form == cow* ]]; then flatten "$1" $form && disk=flat; fi
		e2fsck -E journal_only -y "$1/$disk" >"$1/replay" 2>&1
		code=$?
		if ((code == 8)) && grep -q 'Superblock checksum does not match' "$1/replay"; then
			# Its two sectors are of different times, and these images have one block
			# group, so no copy. Our mount replays it
			disk=disk
		else
			((code <= 1)) || { echo "e2fsck's replay: status $code: $(tail -n 1 "$1/replay")"; return 1; }
			fsck "$1/$disk" || return 1
		fi
	fi
	echo "$prelude; mount -t $type /dev/ubdb /mnt && $(workload verify "$options" "$3"); rm -rf /mnt/noise; echo more >/mnt/more && sync && cat /mnt/more; umount /mnt && echo @@end; poweroff -f -f || echo o >/proc/sysrq-trigger; sleep 9" >"$1/script"
	# a copy of a layer names the base that it was made over
	[[ $form != cow* || $disk != disk ]] || base=,$1/base
	(boot_sh "$1/console" "ubd1=$1/$disk$base" "ubd2r=$1/ack" <"$1/script" 3>&- & wait_or_kill $! 400)
	if grep -aE '^(LOST|WRONG|REFUTED)|EXT4-fs.*error|BUG( at|:)|[Oo]ops|panic' "$1/console" | head -n 2 | tr '\n' ' ' | grep .; then return 1; fi
	if ! grep -q '^verified' "$1/console" || ! grep -q '^more' "$1/console" || ! grep -q '^@@end' "$1/console"; then
		echo "the next boot: $(tr -d '\r' <"$1/console" | grep -a . | tail -n 2 | tr '\n' ' ')"
		return 1
	fi
	if [[ $form == cow* && $disk == disk ]]; then flatten "$1" $form && disk=flat; fi
	fsck "$1/$disk"
}
# flatten DIR FORM: DIR/flat is the disk as a raw image
flatten() {
	rm -f "$1/flat"
	if [[ $2 == cow4 ]]; then "$NESTCTL" cow convert --to raw --backing "$1/base" "$1/disk" "$1/flat"; else "$work/cut" flatten "$1/disk" "$1/base" "$1/flat"; fi
}
# what e2fsck found wrong: that a tree of extents could have fewer blocks (and that we did not let
# it) is not
complaints() { grep -vE '^(Pass|e2fsck|$)|: [0-9]+/[0-9]+ files|contains a file system with errors|could be (shorter|narrower)|WARNING: Filesystem still has errors' "$1"; }
fsck() {
	e2fsck -fn "$1" >"$1.fsck" 2>&1 && return
	complaints "$1.fsck" >"$1.wrong" || return 0
	echo "e2fsck: $(head -n 3 "$1.wrong" | tr '\n' ' ')"
	return 1
}
wait_or_kill() {
	local end=$((SECONDS + $2))
	while kill -0 "$1" 2>/dev/null && ((SECONDS < end)); do sleep 0.02; done
	kill -9 "$1" 2>/dev/null
	wait "$1" 2>/dev/null
}

# one_round NAME DIR KIND SEED HOW
one_round() {
	local why kept
	mkdir -p "$work/kept"
	cp --sparse=always "$2/disk" "$2/ack" "$work/kept/"
	if why=$(look "$2" "$3" "$4" "$5"); then
		ok "$1: $(tr -d '\r' <"$2/console" | sed -n 's/^verified //p')"
		certain=$((certain + $(tr -d '\r' <"$2/console" | sed -n 's/^verified.* \([0-9]*\) certain.*/\1/p')))
		return
	fi
	no "$1" "$why"
	kept=$BUILD/tests/crash-failed/${1//[^a-z0-9]/-}
	rm -rf "$kept"
	mkdir -p "$kept"
	cp --sparse=always "$work/kept/"{disk,ack} "$2/base" "$kept/"
	cp --sparse=always "$work/run/log" "$work/run/disk.before" "$kept/" 2>/dev/null
	printf '#!/bin/bash\n# %s\nexport APPS=%q APPS_MEM=%q\n. %q\nd=$(mktemp -d -p "$work")\ncp --sparse=always %q/{disk,ack,base} "$d/"\nlook "$d" %q %q %q\ntr -d "\\r" <"$d/console"; cat "$d"/*.fsck\n' \
		"$1: $why" "${APPS:-}" "${APPS_MEM:-}" "$(realpath "$here")/crash.bash" "$kept" "$3" "$4" "$5" >"$kept/again"
	chmod +x "$kept/again"
}

crash_rounds() {
	local rounds=$1 seed=${2:-$((RANDOM * 32768 + RANDOM))} done=0 run=0 kind how records first at i mode d=$work/run why
	certain=0
	echo "# seed $seed"
	RANDOM=$((seed % 32768))
	while ((done < rounds)); do
		kind=${KINDS[run % ${#KINDS[@]}]}
		[[ -z ${KIND:-} ]] || kind=${KINDS[KIND]} # one kind only
		run=$((run + 1))
		fresh "$d" "$kind" || { no "run $run" "no image"; return 1; }
		if ! why=$(run_workload "$d" "$kind" $((seed + run)) $((100 + RANDOM % ${LENGTH:-1500}))); then
			no "run $run, seed $((seed + run)), $kind" "$why"
			done=$((done + 1))
			continue
		fi
		read -r records first < <("$work/cut" "$d/log" 2)
		for ((i = 1; i < PER_RUN && done + 1 < rounds; i++)); do
			at=$((first + 1 + (RANDOM * 32768 + RANDOM) % (records - first)))
			how=$([[ $(((i + run) % 2)) == 0 ]] && echo e2fsck || echo ours)
			mkdir -p "$work/cut-at"
			cp --sparse=always "$d/base" "$work/cut-at/base"
			cp --sparse=always "$d/disk.before" "$work/cut-at/disk"
			rm -f "$work/cut-at/ack" && truncate -s 4M "$work/cut-at/ack"
			mode=$("$work/cut" "$d/log" $at $((seed + run * 100 + i)) 1 "$work/cut-at/disk" 2 "$work/cut-at/ack")
			[[ $kind != *cow* ]] || (cd "$work/cut-at" && touch -r "$d/base" base)
			one_round "run $run cut $i seed $((seed + run)) ($kind, $how; $mode)" "$work/cut-at" "$kind" $((seed + run)) $how
			done=$((done + 1))
		done
		one_round "run $run killed seed $((seed + run)) ($kind)" "$d" "$kind" $((seed + run)) $([[ $((run % 2)) == 0 ]] && echo e2fsck || echo ours)
		done=$((done + 1))
	done
	echo "# $done rounds, $certain names were certain"
}
