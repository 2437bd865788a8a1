# SPDX-License-Identifier: MIT
# lib.sh: sourced by the tests of instances inside instances.
#
#   nested MODE...		an instance for each MODE (on: seccomp, off: ptrace, uml:
#                               linux.uml), each inside the one before; all boot the
#			same image from /dev/ubda and find the kernels in the archive on /dev/ubdb.
#			Their console goes to stdout.
#   JOB=COMMAND...	what the innermost one runs before it powers off; the outer ones power off
#                       when theirs has ended
. "$(dirname "$0")/../lib.sh"

pack=$work/nest.tar
UML=${UML:-$(command -v linux.uml)}

# init of every level: $depth is its own number, $modes what is to come inside of it.
cat >"$work/level" <<'LEVEL'
mount -t proc proc /proc
mount -t devtmpfs dev /dev 2>/dev/null
mkdir -p /dev/shm /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t devpts devpts /dev/pts
export HOME=/tmp TMPDIR=/dev/shm
[ -e /proc/nestling/mode ] && mode=$(cat /proc/nestling/mode) || mode=$(uname -r)
echo "@level $depth: ${mode%% *}, up $(cut -d' ' -f1 /proc/uptime)"
set -- $(echo "$modes" | tr , ' ')
if [ $# -eq 0 ]; then
	eval "$(echo "$job" | tr '~' ' ')"
else
	mode=$1
	shift
	next="depth=$((depth + 1)) modes=$(echo $* | tr ' ' ,) job=$job room=$((room * 5 / 8)) mem=$((room * 5 / 8))M root=/dev/ubda ro con=null con0=fd:0,fd:1 init=/bin/sh"
	boot='mount -t tmpfs tmpfs /tmp; tar -C /tmp -xf /dev/ubdb; . /tmp/level'
	case $mode in
	uml) # it needs the libraries of the host it comes from, and a home that it can write to
		mkdir -p /tmp/uml/dev /tmp/uml/proc /tmp/uml/tmp
		mount --bind /dev /tmp/uml/dev
		mount --bind /dev/shm /tmp/uml/dev/shm
		mount --bind /proc /tmp/uml/proc
		chroot /tmp/uml /linux.uml ubd0r=/dev/ubda ubd1r=/dev/ubdb $next -- -c "\"$boot\"" </dev/null ;;
	*) /tmp/nestling ubd0r=/dev/ubda ubd1r=/dev/ubdb seccomp=$mode $next -- -c "$boot" </dev/null ;;
	esac
	echo "@status $depth: $?"
fi
poweroff -f
LEVEL

nest_pack() {
	[[ -e $pack ]] && return
	cp "$KERNEL" "$work/nestling"
	local files=(nestling level)
	if [[ -n $UML ]]; then
		mkdir -p "$work/uml"
		cp "$UML" "$work/uml/linux.uml"
		cp --parents $(ldd "$UML" | grep -o '/[^ ]*') "$work/uml"
		files+=(uml)
	fi
	tar -C "$work" -cf "$pack" "${files[@]}" "$@"
	truncate -s %512 "$pack"
}

nested() {
	local first=$1 modes
	shift
	modes=$(tr ' ' , <<<"$*")
	nest_pack
	timeout -k 5 "${LIMIT:-600}" "$KERNEL" "ubd0r=$BUSYBOX" "ubd1r=$pack" mem="${ROOM:-640}M" room="${ROOM:-640}" seccomp="$first" root=/dev/ubda ro \
		con=null con0=fd:0,fd:1 init=/bin/sh depth=1 modes="$modes" job="${JOB// /\~}" -- \
		-c 'mount -t tmpfs tmpfs /tmp; tar -C /tmp -xf /dev/ubdb; . /tmp/level' </dev/null 2>&1 | tr -d '\r'
}
