# SPDX-License-Identifier: MIT
#
# bash hosts.bash: boots instances on other hosts: QEMU emulates their CPUs, and they run Debian's
# kernels.  Not a suite of tests/run: `make check-hosts` starts it, as root, on Debian, with access
# to Debian's archive.  ONLY=REGEX picks hosts.
#
# Set-up: QEMU and cpio are installed; the kernels and gVisor are fetched into build/tests/hosts and
# not installed.  A package that the archive lacks is named, and its hosts are skipped.
#
# A host is a kernel, a CPU model, and the expectation: the mode that seccomp=auto chooses, and a
# word of the line by which seccomp=on is refused, if it is.  Each host runs three instances:
# without seccomp=, with seccomp=on and with seccomp=off.  Their shell counts, computes in floating
# point in two programs at once, and ends.
#
# Nestling is refused in gVisor. gVisor runs on this machine, where AMX may be the reason (its FPU
# states are too large), and on an emulated CPU without AMX, where only CLONE_PARENT is.
. "$(dirname "$0")/../lib.sh"
store=$BUILD/tests/hosts
mkdir -p "$store"

# ---- set-up ----

need_programs() {
	local missing=()
	command -v qemu-system-x86_64 >/dev/null || missing+=(qemu-system-x86)
	command -v cpio >/dev/null || missing+=(cpio)
	((${#missing[@]})) || return 0
	DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "${missing[@]}" </dev/null >/dev/null
}
# runs apt with separate sources, since the machine's own lack older and newer kernels
own_apt() {
	local tool=$1
	shift
	mkdir -p "$store/apt/lists/partial" "$store/apt/cache/archives/partial"
	printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/%s main\n' \
		'debian bookworm' 'debian bookworm-backports' 'debian-security bookworm-security' 'debian bullseye' >"$store/apt/sources"
	"$tool" -qq -o "Dir::Etc::sourcelist=$store/apt/sources" -o Dir::Etc::sourceparts=/dev/null -o "Dir::State::lists=$store/apt/lists" \
		-o "Dir::Cache=$store/apt/cache" -o APT::Sandbox::User=root "$@"
}
# need_kernel VERSION: fetches Debian's newest cloud kernel of it to $store/vmlinuz-VERSION
need_kernel() {
	local package
	[[ ! -e $store/vmlinuz-$1 ]] || return 0
	[[ -e $store/apt/updated ]] || { own_apt apt-get update && touch "$store/apt/updated"; } || return 1
	package=$(own_apt apt-cache search --names-only "^linux-image-${1//./\\.}\\..*-cloud-amd64-unsigned\$" | sort -V | tail -n 1 | cut -d' ' -f1)
	[[ -n $package ]] && (cd "$store/apt" && own_apt apt-get download "$package") &&
		dpkg-deb --fsys-tarfile "$store/apt/${package}"_*.deb | tar -C "$store/apt" -xf - ./boot &&
		mv "$store"/apt/boot/vmlinuz-"$1".* "$store/vmlinuz-$1"
}

need_gvisor() {
	[[ ! -e $store/gvisor/usr/bin/runsc ]] || return 0
	(mkdir -p "$store/apt" && cd "$store/apt" && own_apt apt-get update && own_apt apt-get download runsc) &&
		dpkg-deb -x "$store"/apt/runsc_*.deb "$store/gvisor"
}

# The user's part, in a host's init or in gVisor: $1 is a folder with the programs.
cat >"$work/play" <<'PLAY'
for mode in auto on off; do
	way=
	[ $mode = auto ] || way=seccomp=$mode
	busybox timeout -s KILL 150 $1/nestling ubd0r=$1/root.ext4 mem=64M root=/dev/ubda ro con=null con0=null,fd:1 $way \
		init=/bin/sh -- -c 'mount -t tmpfs tmpfs /tmp; . /job' </dev/null >/tmp/out 2>/tmp/err
	echo "@status $mode $?"
	busybox sed -n "s/^@/@$mode /p" /tmp/out
	busybox cat /tmp/out /tmp/err | busybox grep -a 'nestling:\|skas:\|panic' | busybox sed "s/^/@said $mode /"
done
PLAY
# The guests' root file system: busybox, and what its shell does.
make_guest() {
	local busybox=$(command -v busybox) top=$work/guest
	mkdir -p "$top/bin" "$top/proc" "$top/dev" "$top/tmp"
	cp "$busybox" "$top/bin/busybox"
	"$busybox" --list | while read -r applet; do [[ $applet == busybox ]] || ln -s busybox "$top/bin/$applet"; done
	cat >"$top/job" <<'JOB'
mount -t proc proc /proc
echo "@mode $(cat /proc/nestling/mode)"
pi() { awk 'BEGIN { for (i = 0; i < 3000; i++) s += (i % 2 ? -4 : 4) / (2 * i + 1); printf "%.6f\n", s }'; }
pi >/tmp/a & pi >/tmp/b
wait
n=0; while [ $n -lt 200 ]; do n=$((n + 1)); done
echo "@job $n $(cat /tmp/a /tmp/b | tr '\n' ' ')"
poweroff -f
JOB
	truncate -s 8M "$work/root.ext4"
	mke2fs -q -t ext4 -d "$top" "$work/root.ext4" && objcopy --strip-debug "$KERNEL" "$work/nestling"
}
# make_initramfs NAME [PROGRAM...]: makes a host's file system.  With runsc the instances run in
# gVisor, which refuses rootfs as its root file system.
make_initramfs() {
	local top=$work/top
	rm -rf "$top"
	mkdir -p "$top/bin" "$top/dev" "$top/proc" "$top/sys" "$top/tmp" "$top/new"
	cp "$work/play" "$work/root.ext4" "$work/nestling" "$top"
	cp "$(command -v busybox)" "${@:2}" "$top/bin"
	ln -s busybox "$top/bin/sh"
	cat >"$top/init" <<'INIT'
#!/bin/sh
export PATH=/bin HOME=/tmp
if [ -e /bin/runsc ] && [ ! -e /moved ]; then
	busybox mount -t tmpfs -o size=300m tmpfs /new
	busybox cp -a /bin /init /play /root.ext4 /nestling /new
	busybox mkdir -p /new/dev /new/proc /new/sys /new/tmp /new/moved
	exec busybox switch_root /new /init
fi
busybox mount -t proc proc /proc
busybox mount -t sysfs sysfs /sys
busybox mount -t devtmpfs dev /dev
busybox mkdir -p /dev/shm
busybox mount -t tmpfs tmpfs /dev/shm
busybox mount -t tmpfs tmpfs /tmp
if [ -e /bin/runsc ]; then
	runsc --root /tmp/runsc --ignore-cgroups --network=none --platform=ptrace do /bin/sh /play ''
else
	. /play ''
fi
busybox poweroff -f
INIT
	chmod 755 "$top/init"
	(cd "$top" && find . | cpio --quiet -o -H newc | gzip -1) >"$work/$1"
}

# ---- the hosts ----

# told WORDS: prints the rest of the first line of the host's console that begins with @WORDS
told() { tr -d '\r' <"$work/console" | grep -a "^@$1" | head -n 1 | cut -c$((${#1} + 3))-; }
right_answer='200 3.141259 3.141259 '

# ran NAME MODE WANTED: checks that the instance with seccomp=MODE ran in mode WANTED, with right
# results
ran() {
	same "$1, seccomp=$2: mode, answers, status" "$(told "$2 mode") / $(told "$2 job") / $(told "status $2")" "$3 / $right_answer / 0"
}
# boot KERNEL CPU INITRAMFS [PARAMETER]: boots a host in QEMU, with its console in $work/console
boot() {
	timeout -k 5 900 qemu-system-x86_64 -accel tcg,thread=multi -cpu "$2" -smp 2 -m 1200 -nodefaults -no-reboot -display none -serial stdio \
		-kernel "$store/vmlinuz-$1" -initrd "$work/$3" -append "console=ttyS0 quiet panic=-1 ${4:-}" </dev/null >"$work/console" 2>"$work/qemu"
	local status=$?
	[[ -z ${VERBOSE:-} ]] || grep -a '^@' "$work/console"
	return $status
}
# refused NAME MODE WORD: checks that the instance ended with 1, and that its error line has WORD
refused() {
	same "$1, seccomp=$2: status" "$(told "status $2")" 1
	check "$1, seccomp=$2: the line names $3" grep -aq "^@said $2 nestling: .*$3" "$work/console"
}
wanted() { [[ $1 =~ ${ONLY:-.} ]]; }
# host NAME KERNEL CPU MODE [WORD [PARAMETER]]: MODE is the default mode, WORD is in the refusal of
# seccomp=on
host() {
	local name="$1 with Linux $2"
	wanted "$name" || return 0
	need_kernel "$2" || { echo "missing $name: the archive has no such kernel"; return; }
	boot "$2" "$3" initramfs "${6:-}" || { no "$name" "QEMU: $(tail -n 1 "$work/qemu")"; return; }
	ran "$name" auto "$4"
	ran "$name" off ptrace
	if [[ -z ${5:-} ]]; then
		ran "$name" on "$4"
	else
		refused "$name" on "$5"
		check "$name, seccomp=auto: the log names $5" grep -aq "^@said auto .*$5" "$work/console"
	fi
}
# gvisor NAME [CPU]: checks that no mode works in gVisor.  Without a CPU it runs on this machine.
gvisor() {
	local runsc=$store/gvisor/usr/bin/runsc why='CLONE_PARENT\|FPU state' mode
	wanted "$1" || return 0
	need_gvisor || { echo "missing $1: the archive has no runsc"; return; }
	if (($# == 2)); then
		need_kernel 6.1 || { echo "missing $1: the archive has no kernel 6.1"; return; }
		make_initramfs initramfs.gvisor "$runsc"
		boot 6.1 "$2" initramfs.gvisor || { no "$1" "QEMU: $(tail -n 1 "$work/qemu")"; return; }
		why=CLONE_PARENT
	else
		timeout -k 5 300 "$runsc" --root "$work/runsc" --ignore-cgroups --network=none --platform=ptrace do /bin/sh "$work/play" "$work" \
			</dev/null >"$work/console" 2>"$work/runsc.log"
		grep -q '^@status' "$work/console" || { echo "missing $1: runsc does not run here: $(tail -n 1 "$work/runsc.log")"; return; }
		[[ -z ${VERBOSE:-} ]] || grep -a '^@' "$work/console"
	fi
	for mode in auto off; do refused "$1" $mode "$why"; done
	refused "$1" on 'seccomp\|FPU state'
}

need_programs || { no "qemu-system-x86 cannot be installed"; exit 1; }
make_guest && make_initramfs initramfs || { no "no file system for the guests"; exit 1; }
host "a CPU of 2008 (Nehalem)" 6.1 Nehalem seccomp
host "QEMU's default CPU (qemu64)" 6.1 qemu64 seccomp
host "a CPU without FSGSBASE" 6.1 max,-smap,-fsgsbase "seccomp patched"
host "a kernel with nofsgsbase" 6.1 max,-smap "seccomp patched" "" nofsgsbase
host "a CPU without XSAVE" 6.1 max,-smap,-xsave "seccomp patched"
for version in 5.10 6.1 6.12; do
	host "all that QEMU knows but SMAP" $version max,-smap "seccomp patched"
	host "all that QEMU knows" $version max ptrace iretq
done
gvisor "gVisor on this machine"
gvisor "gVisor on a CPU without AMX" max,-smap
exit $bad
