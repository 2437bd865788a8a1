# SPDX-License-Identifier: MIT
# apps.sh: sqlite and git, as a workload that is killed, and what must be there afterwards. Runs in
# a guest with both; /tmp/ack is ack.c's.
#
#	sh apps.sh run DIR DEVICE	until it is killed
#	sh apps.sh verify DIR DEVICE	'verified N names, N certain, N operations', or lines that
#                                       begin with WRONG
#
# Each keeps on adding number n to something and then says on DEVICE that n is durable: a database
# with a rollback journal, one with a write-ahead log, a repository that is packed now and then.
# After a crash each has to be sound, and to end in the last number that was acknowledged or the one
# behind it, with all before it.
dir=$2 dev=$3
export HOME=/tmp GIT_AUTHOR_NAME=n GIT_AUTHOR_EMAIL=n@n GIT_COMMITTER_NAME=n GIT_COMMITTER_EMAIL=n@n GIT_CONFIG_NOSYSTEM=1
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd 2>/dev/null

value="printf('%0*d', n % 700 + 10, n)"

# database NAME JOURNAL: a table of numbers, and ten accounts between which money moves
database() {
	sqlite3 "$dir/db/$1" "PRAGMA journal_mode=$2; CREATE TABLE t(n INTEGER PRIMARY KEY, v TEXT); CREATE INDEX i ON t(v);
		CREATE TABLE account(id INTEGER PRIMARY KEY, balance INTEGER);
		WITH RECURSIVE c(x) AS (SELECT 0 UNION ALL SELECT x + 1 FROM c WHERE x < 9) INSERT INTO account SELECT x, 1000 FROM c;" >/dev/null
}
# EXTRA: without it the removal of the rollback journal, which is the commit, is not durable
transactions() { # NAME SYNCHRONOUS SLOT
	n=0
	{
		echo "PRAGMA synchronous=$2;"
		while :; do
			n=$((n + 1))
			echo "BEGIN; INSERT INTO t SELECT n, $value FROM (SELECT $n AS n); UPDATE account SET balance = balance - $((n % 90)) WHERE id = $((n % 10));
				UPDATE account SET balance = balance + $((n % 90)) WHERE id = $(((n * 7 + 1) % 10)); COMMIT;"
			echo ".shell /tmp/ack write $dev $3 $n"
		done
	} | sqlite3 -batch -bail "$dir/db/$1" >/tmp/out-$3 2>&1
	echo "churn: sqlite3 ended: $(tail -n 1 /tmp/out-$3)"
}
commits() { # SLOT
	n=0
	cd "$dir/repo" || exit 1
	while :; do
		n=$((n + 1))
		echo "commit $n" >"file-$((n % 12))"
		mkdir -p "d$((n % 5))" && head -c $((n % 9 * 3000 + 10)) /dev/urandom >"d$((n % 5))/data"
		git add -A && git commit -qm "$n" >/tmp/out-git 2>&1 || break
		[ $((n % 12)) = 0 ] && git repack -adq
		sync -f . && /tmp/ack write "$dev" "$1" "$n"
	done
	echo "churn: git ended: $(tail -n 1 /tmp/out-git)"
}
run() {
	mkdir "$dir/db" "$dir/repo"
	database delete DELETE && database wal WAL
	git init -q "$dir/repo"
	git -C "$dir/repo" config core.fsync all
	git -C "$dir/repo" config gc.auto 0
	sync
	echo "churn: begins"
	transactions delete EXTRA 0 &
	transactions wal FULL 1 &
	commits 2 &
	wait
}

wrong() { echo "WRONG $*"; exit 1; }
# between NAME N ACKNOWLEDGED
between() { [ "$2" -ge "$3" ] && [ "$2" -le $(($3 + 1)) ] || wrong "$1 ends in $2, acknowledged was $3"; }

verify_database() { # NAME SLOT
	acked=$(/tmp/ack read "$dev" "$2")
	state=$(sqlite3 "$dir/db/$1" "PRAGMA integrity_check; SELECT count(*) FROM t WHERE v IS NOT $value; SELECT sum(balance) FROM account; SELECT count(*) - coalesce(max(n), 0) FROM t;" 2>&1 | tr '\n' ' ')
	[ "$state" = "ok 0 10000 0 " ] || wrong "$1: $state"
	last=$(sqlite3 "$dir/db/$1" "SELECT coalesce(max(n), 0) FROM t")
	between "$1" "$last" "$acked"
	operations=$((operations + last))
}
verify_repository() { # SLOT
	acked=$(/tmp/ack read "$dev" "$1")
	problems=$(git -C "$dir/repo" fsck --full --strict --no-dangling 2>&1 | grep -vE '^notice: (HEAD points to an unborn|No default ref)' | head -n 2 | tr '\n' ' ')
	[ -z "$problems" ] || wrong "git fsck: $problems"
	last=$(git -C "$dir/repo" rev-list --count HEAD 2>/dev/null || echo 0)
	between repository "$last" "$acked"
	[ "$last" = 0 ] || [ "$(git -C "$dir/repo" show "HEAD:file-$((last % 12))")" = "commit $last" ] || wrong "a file of commit $last"
	git -C "$dir/repo" status --porcelain >/tmp/status 2>&1 || wrong "git status: $(tail -n 1 /tmp/status)"
	operations=$((operations + last))
}
verify() {
	operations=0
	verify_database delete 0
	verify_database wal 1
	verify_repository 2
	echo "verified 3 names, 3 certain, $operations operations"
}

case $1 in
run) run ;;
verify) verify ;;
esac
