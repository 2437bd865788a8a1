# SPDX-License-Identifier: MIT
# migrate.sh: sourced by the tests of migration: an instance that counts, sends through a connection
# and a pipe, and writes to its disk (flow.c, which sleeps $REST us between steps), and checks of
# what a migration leaves.
home=$(mktemp -d /tmp/fs.XXXXXX)
export HOME=$home XDG_DATA_HOME=$work/data XDG_RUNTIME_DIR='' TMPDIR=$work/tmp NESTLING_KERNEL=$KERNEL
mkdir "$TMPDIR"
end_all() { for i in $("$NESTCTL" list --names 2>/dev/null); do "$NESTCTL" kill "$i"; done; }
trap 'end_all; rm -rf --one-file-system "$work" "$home"' EXIT
cd "$work" || exit 1
store=$XDG_DATA_HOME/nestling/states
gcc -O2 -D_GNU_SOURCE -Wall -static -o flow "$root/tests/state/lib/flow.c" || { no "flow" "does not build"; exit 1; }

look() { timeout 60 "$NESTCTL" exec -T "$1" -- sh -c "cd /tmp; cat $2 2>&1" 2>>exec.err </dev/null; }
first() { look "$1" "$2" | cut -d' ' -f1; }
runs() { "$NESTCTL" exec -T "$1" -- true >/dev/null 2>&1 </dev/null; }
all_more() { # INSTANCE NUMBERS: true if all four counts of flow.c are above the NUMBERS
	local now=($(look "$1" 'tick tcp pipe disk' | cut -d' ' -f1)) i=0
	for n in $2; do [[ ${now[i]:-0} =~ ^[0-9]+$ ]] && ((${now[i]:-0} > n)) || return 1; i=$((i + 1)); done
}
# goes_on TEXT INSTANCE: all four processes of flow.c make progress, and none has found a fault
goes_on() {
	local then
	then=$(look "$2" 'tick tcp pipe disk' | cut -d' ' -f1 | tr '\n' ' ')
	wait_for 60 all_more "$2" "${then:-0 0 0 0}" || { no "$1" "stands still at $then: $(look "$2" 'tick tcp pipe disk' | tr '\n' ' '); $(tail -n 1 exec.err)"; return; }
	if [[ $(look "$2" bad) == *"No such file"* ]]; then ok "$1"; else no "$1" "$(look "$2" bad)"; fi
}
begin() { # INSTANCE [OPTION...]
	"$NESTCTL" run --name "$1" -m 64M "${@:2}" "$BUSYBOX" -- sh -c 'sleep 1000000' >run.out 2>run.err </dev/null &
	wait_for 60 runs "$1"
	"$NESTCTL" exec -T "$1" -- sh -c 'cat >/tmp/flow; chmod 700 /tmp/flow; mkdir -p /root/w; /tmp/flow /tmp /root/w '"${REST-2000}"' >/dev/null 2>&1 &' <flow
	wait_for 60 all_more "$1" '0 0 0 0'
}
here() { "$NESTCTL" list --names 2>/dev/null | tr '\n' ' '; }
waits() { [[ -S $work/s ]] || grep -q 'waits at' r.err 2>/dev/null; }
# Prints the PIDs of receivers. A keeper has a receiver's command line, but leads a session.
receivers() { ps -eo pid=,sid=,args= | awk -v c="$NESTCTL receive " '$1 != $2 && index($0, c) && $3 == "'"$NESTCTL"'" { print $1 }'; }
no_receiver() { [[ ! $(receivers) ]]; }
# leaves TEXT INSTANCE...: just these instances run, and no state (but "base") and no layer is left
leaves() {
	wait_for 30 no_receiver
	"$NESTCTL" states >/dev/null
	same "$1" "$(here)| $(ls "$store" | tr '\n' ' ')| $(ls "$TMPDIR" | tr '\n' ' ')" "${*:2} | ${base:+base }| "
}
base=
mac() { "$NESTCTL" exec -T "$1" -- cat /sys/class/net/eth0/address </dev/null 2>/dev/null; }

# refused TEXT PATTERN COMMAND...: the command fails with status 1 and a message that PATTERN
# matches, and the instance a goes on where it is
refused() {
	local status
	timeout 120 "${@:3}" >out 2>err </dev/null
	status=$?
	if ((status == 1)) && grep -qE -- "$2" err && runs a && [[ $(here) == "a " ]]; then ok "$1"
	else no "$1" "status $status, runs: $(here): $(head -n 2 err | tr '\n' '|')"; fi
}
refused_receiver() { # TEXT PATTERN INPUT-COMMAND
	timeout 60 bash -c "$3" | timeout 60 "$NESTCTL" receive --name b --timeout 1 - >out 2>err
	local status=${PIPESTATUS[1]}
	if ((status == 1)) && grep -qE -- "$2" err; then ok "$1"; else no "$1" "status $status: $(head -n 1 err)"; fi
}
# other_build FILE: writes a kernel with another build id
other_build() {
	python3 - "$KERNEL" "$1" <<'EOS'
import sys
data = open(sys.argv[1], "rb").read()
at = data.index(b"\4\0\0\0\x14\0\0\0\3\0\0\0GNU\0") + 16
open(sys.argv[2], "wb").write(data[:at] + bytes([data[at] ^ 0xff]) + data[at + 1:])
EOS
	chmod 700 "$1"
}

# settle TEXT: leaves one instance that runs. Where a source stands still beside the receiver's
# instance, the one that does not run is killed; one that stands still alone is resumed. Sets at to
# the name of the instance, and to to the other name.
held=0 resumed=0 at=a to=b good=0 moved=0
settle() {
	local a b
	wait_for 30 no_receiver
	a=$(here)
	case $a in
	"a " | "b ") ;;
	"a b ")
		if runs a && runs b; then no "$1" "both run"; end_all; return 1; fi
		# the source stands still, since it cannot know
		held=$((held + 1))
		if runs b; then "$NESTCTL" kill a; elif runs a; then "$NESTCTL" kill b; else no "$1" "none of two runs"; return 1; fi
		;;
	*) no "$1" "runs: '$a'"; return 1 ;;
	esac
	a=$(here)
	b=${a% }
	runs "$b" || { "$NESTCTL" migrate --resume "$b" 2>>exec.err && resumed=$((resumed + 1)); }
	runs "$b" || { no "$1" "$b does not run: $(tail -n 1 exec.err)"; return 1; }
	[[ $(look "$b" bad) == *"No such file"* ]] || { no "$1" "$(look "$b" bad)"; return 1; }
	at=$b
	[[ $b == a ]] && to=b || to=a
}
once() { # TEXT COMMAND...: runs a command that migrates $at, settles, and counts the result
	local was=$at
	"${@:2}"
	settle "$1" && good=$((good + 1))
	[[ $at == "$was" ]] || moved=$((moved + 1))
}
signal_at() { # SIGNAL source|receiver: signals one side of a migration at a random moment
	local pid
	"$NESTCTL" migrate $at --timeout 5 -- "$NESTCTL" receive --name $to - >out 2>err &
	pid=$!
	sleep "0.$((RANDOM % ${LONGEST:-6}))$((RANDOM % 10))"
	[[ $2 == source ]] || pid=$(receivers | head -n 1)
	[[ $pid ]] && kill "-$1" "$pid" 2>/dev/null
	wait $! 2>/dev/null
}
# cut_off BYTES: migrates; the stream to the receiver ends after BYTES. cut_back BYTES: the stream
# from the receiver does. relayed OPTION...: the streams go through relay.py with its options.
cut_off() { "$NESTCTL" migrate $at --timeout 5 -- sh -c "head -c $1 | '$NESTCTL' receive --name $to --timeout 5 -" >out 2>err; }
relayed() { "$NESTCTL" migrate $at --timeout 5 -- python3 "$root/tests/state/lib/relay.py" "$@" -- "$NESTCTL" receive --name $to --timeout 5 - >out 2>err; }
cut_back() { "$NESTCTL" migrate $at --timeout 5 -- sh -c "'$NESTCTL' receive --name $to --timeout 5 - | head -c $1" >out 2>err; }

one_way "ncpus=2" "ncpus=1" "ncpus=2 seccomp=off" "ncpus=1 patch=off"
params=()
for p in $way; do params+=(--param "$p"); done
echo "# $way"
begin a "${params[@]}" || { no "it begins" "$(head -n 1 run.err)"; exit 1; }
goes_on "it begins" a
# move HOW: unix, tcp, pipe or exec, from $at to $to; says how long it stood still
move() {
	local out
	"$NESTCTL" exec -T $at -- touch /tmp/reset </dev/null
	rm -f s r.err
	case $1 in
	unix)
		"$NESTCTL" receive --name $to "unix:$work/s" >r.out 2>r.err &
		wait_for 20 waits
		out=$("$NESTCTL" migrate $at "unix:$work/s" 2>err)
		;;
	tcp)
		"$NESTCTL" receive --name $to tcp:0 >r.out 2>r.err &
		wait_for 20 waits
		out=$("$NESTCTL" migrate $at "$(grep -o 'tcp:[0-9.:]*' r.err)" 2>err)
		;;
	exec) out=$("$NESTCTL" migrate $at "exec:'$NESTCTL' receive --name $to -" 2>err) ;;
	*) out=$("$NESTCTL" migrate $at -- "$NESTCTL" receive --name $to - 2>err) ;;
	esac
	[[ $out == "$at: runs at "* ]] || no "migrated by $1" "$out; $(head -n 1 err r.err 2>/dev/null)"
	goes_on "by $1: goes on at $to" $to
	echo "# $(sed 's/.*; it/it/' <<<"$out"), $(look $to tick | awk '{ printf "%d", $2 / 1000000 }') ms by its own clock"
	[[ $(here) == "$to " ]] || no "it runs once" "$(here)"
	[[ $at == a ]] && at=b to=a || at=a to=b
}
# disk_is_whole INSTANCE
disk_is_whole() {
	"$NESTCTL" snapshot "$1" -o c.cow >/dev/null 2>err && "$NESTCTL" cow convert --to raw c.cow c.raw 2>>err && check "the disk is whole" snapshot_whole c.raw fsck ||
		no "a snapshot of a migrated instance" "$(head -n 1 err)"
}
