# SPDX-License-Identifier: MIT
# debian.sh: runs in Debian, in a unit of systemd: works of JOBS, each in a loop that checks its
# result, counts its rounds in /run/n.NAME and, if it is wrong, says BAD on /dev/console. The status
# lines are those of works/main.c.
mkdir -p /run/w; cd /run/w
bad() { echo "BAD $*" >/dev/console; exit 1; }
count() { echo $2 >/run/.n.$1; mv /run/.n.$1 /run/n.$1; }
pg() {
	cd /tmp
	pg_lsclusters -h | grep -q . || pg_createcluster 15 main >/dev/null 2>&1 || bad pg create
	pg_ctlcluster 15 main start || bad pg start
	su postgres -c 'createdb bench; pgbench -i -s 1 -q bench' >/run/w/pgi 2>&1 || bad pgbench -i
	k=0
	while :; do
		su postgres -c 'pgbench -n -c 4 -j 2 -t 15 bench' >/run/w/pgb 2>&1 || bad pgbench "$(tail -n 2 /run/w/pgb | tr '\n' ' ')"
		s=$(su postgres -c "psql -qAt bench -c 'select (select sum(abalance) from pgbench_accounts) = (select sum(bbalance) from pgbench_branches) and (select sum(tbalance) from pgbench_tellers) = (select sum(delta) from pgbench_history)'" 2>&1)
		[ "$s" = t ] || bad "pg sums: $s"
		k=$((k + 1)); count pg $k
	done
}
mk() {
	mkdir -p /root/mk; cd /root/mk
	for i in 1 2 3 4 5 6; do echo "int f$i(void){int s=0;for(int k=0;k<$i;k++)s+=k*k;return s;}" >f$i.c; done
	echo 'int f1(void),f2(void),f3(void),f4(void),f5(void),f6(void);int printf(const char*,...);int main(void){printf("%d\n",f1()+f2()+f3()+f4()+f5()+f6());}' >main.c
	printf 'p: main.o f1.o f2.o f3.o f4.o f5.o f6.o\n\tgcc -o $@ $^\nclean:\n\trm -f *.o p\n' >Makefile
	k=0
	while :; do
		make -s clean; make -s -j2 >log 2>&1 || bad "make $(tail -n 2 log)"
		s=$(./p); [ "$s" = 105 ] || bad "p says $s"
		k=$((k + 1)); count make $k
	done
}
gd() {
	cd /root; printf '#include <stdio.h>\nint f(int n){return n*3;}\nint main(void){int s=0;for(int i=0;i<20;i++)s+=f(i);printf("sum %%d\\n",s);return s&127;}\n' >g.c
	gcc -g -o g g.c || bad gcc
	k=0
	while :; do
		s=$(gdb -q -batch -nx -ex 'set debuginfod enabled off' -ex 'break f if n==7' -ex run -ex 'print n' -ex finish -ex step -ex 'print s' -ex 'delete' -ex continue ./g 2>&1)
		case $s in *'$1 = 7'*'$2 = 21'*'sum 570'*) ;; *) bad "gdb: $(echo "$s" | tail -n 4 | tr '\n' ' ')" ;; esac
		k=$((k + 1)); count gdb $k
	done
}
tm() {
	export TERM=linux; tmux -L w new-session -d -x 80 -y 24 'PS1= sh' || bad tmux
	k=0
	while :; do
		k=$((k + 1)); tmux -L w send-keys "clear; echo '<'\$(($k * 7))'>'" Enter || bad send-keys
		t=0; until tmux -L w capture-pane -p | grep -q "<$((k * 7))>"; do t=$((t + 1)); [ $t -lt 2000 ] || bad "tmux $k"; sleep 0.01; done
		count tmux $k
	done
}
sq() {
	cd /root; rm -f s.db*; k=0
	sqlite3 s.db 'PRAGMA journal_mode=WAL; CREATE TABLE t(k INTEGER PRIMARY KEY, v INT);' >/dev/null || bad sqlite
	while :; do
		k=$((k + 1))
		s=$(sqlite3 s.db "INSERT INTO t VALUES($k,$k*7); SELECT count(*), sum(v) FROM t; PRAGMA integrity_check;" | tr '\n' ' ')
		[ "$s" = "$k|$((7 * k * (k + 1) / 2)) ok " ] || bad "sqlite: $s"
		count sqlite $k
	done
}
tr_() {
	cd /tmp; k=0
	while :; do
		strace -f -e trace=write -o /run/w/st sh -c 'for i in 1 2 3 4 5; do (echo $i >/dev/null); done; exit 9'; c=$?
		[ $c = 9 ] || bad "strace: status $c"
		c=$(grep -c 'write(1, "[1-5]' /run/w/st); [ $c = 5 ] || bad "strace: $c writes"
		k=$((k + 1)); count strace $k
	done
}
date_() { k=0; a=$(cut -d. -f1 /proc/uptime); while sleep 0.05; do b=$(cut -d. -f1 /proc/uptime); [ $b -ge $a ] || bad uptime; a=$b; k=$((k + 1)); count date $k; done; }
sysd() { k=0; while :; do systemctl is-system-running >/dev/null; s=$(systemd-run -q --wait --collect sh -c 'exit 7' 2>&1); [ $? = 7 ] || bad "systemd-run: $s"; k=$((k + 1)); count systemd $k; done; }
for j in $JOBS; do
	case $j in strace) tr_ & ;; pg) pg & ;; make) mk & ;; gdb) gd & ;; tmux) tm & ;; sqlite) sq & ;; date) date_ & ;; systemd) sysd & ;; esac
	echo 0 >/run/n.$j
done
q=0
while sleep 0.05; do
	l="ok $q $(od -An -N6 -tx1 /dev/urandom | tr -d ' ')"
	for j in $JOBS; do l="$l $j=$(cat /run/n.$j)"; done
	echo "$l" >/dev/console; q=$((q + 1))
done
