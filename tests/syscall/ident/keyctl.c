/* SPDX-License-Identifier: MIT */
/*
 * add_key(2), request_key(2), keyctl(2): types, possession, permissions, keyrings within keyrings,
 * what fork and exec keep.
 */
#include "userns.h"

#include <linux/keyctl.h>

static char buf[4096];

static long add(const char *type, const char *desc, const void *data, size_t len, int ring)
{
	return syscall(SYS_add_key, type, desc, data, len, ring);
}

static long ctl(int op, long a, long b, long c, long d)
{
	return syscall(SYS_keyctl, op, a, b, c, d);
}

static long request(const char *type, const char *desc, int ring)
{
	return syscall(SYS_request_key, type, desc, NULL, ring);
}

/* Prints a key's description without the ids. */
static void describe(const char *what, long id)
{
	unsigned perm = 0;
	char type[32] = "";
	int uid, gid, at = 0;
	long n = ctl(KEYCTL_DESCRIBE, id, (long)buf, sizeof(buf), 0);

	if (n == -1) {
		say("%s: %s", what, t_errno(errno));
		return;
	}
	sscanf(buf, "%31[^;];%d;%d;%x;%n", type, &uid, &gid, &perm, &at);
	say("%s: %s %08x %.4s, mine %d", what, type, perm, buf + at, uid == (int)getuid());
}

/* Prints a key's line in /proc/keys, without its number and its refcount. */
static void show(const char *what, long id)
{
	char line[5000], number[16], flags[16], life[16];
	FILE *f = fopen("/proc/keys", "r");
	int uid, gid, at;
	unsigned perm;

	snprintf(number, sizeof(number), "%08lx ", id);
	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, number, 9) != 0)
			continue;
		sscanf(line + 9, "%15s %*d %15s %x %d %d %n", flags, life, &perm, &uid, &gid, &at);
		say("%s: %s %s %08x mine %d %d %s", what, flags, strchr(flags, 'R') ? "" : life,
			perm, uid == (int)getuid(), gid == (int)getgid(), line + 9 + at);
		fclose(f);
		return;
	}
	say("%s: not shown", what);
	if (f)
		fclose(f);
}

static void shown(void)
{
	const int p = KEY_SPEC_PROCESS_KEYRING;
	char line[256];
	long k, ring, hidden, mine = 0;
	unsigned uid;
	FILE *f;

	NEED(ring = add("keyring", "shown", NULL, 0, p));
	show("empty", ring);
	NEED(k = add("user", "shown:key", "12345", 5, ring));
	show("one", ring);
	show("user", k);
	NEED(ctl(KEYCTL_SET_TIMEOUT, k, 5000, 0, 0));
	show("for an hour", k);
	NEED(ctl(KEYCTL_SET_TIMEOUT, k, 5000000, 0, 0));
	show("for weeks", k);
	NEED(ctl(KEYCTL_SETPERM, k, 0x3f000000, 0, 0));
	show("possessed", k);
	NEED(hidden = add("user", "shown:hidden", "1", 1, ring));
	NEED(ctl(KEYCTL_SETPERM, hidden, 0x3e3e0000, 0, 0));
	show("hidden", hidden);
	NEED(k = add("logon", "shown:logon", "1234567", 7, ring));
	show("logon", k);
	NEED(ctl(KEYCTL_REVOKE, k, 0, 0, 0));
	show("revoked", k);
	NEED(ctl(KEYCTL_CLEAR, ring, 0, 0, 0));
	show("cleared", ring);
	CHILD({
		NEED(setresuid(65534, 65534, 65534));
		show("another's", ring);
	});
	f = fopen("/proc/key-users", "r");
	while (f && fgets(line, sizeof(line), f))
		mine += sscanf(line, "%u: %*d %*d/%*d %*d/%*d %*d/%*d", &uid) == 1 &&
			uid == getuid();
	T(mine);
	if (f)
		fclose(f);
}

static void types(void)
{
	const int p = KEY_SPEC_PROCESS_KEYRING;
	long k;

	OK(k = add("user", "u:1", "secret", 6, p));
	describe("user", k);
	T(ctl(KEYCTL_READ, k, (long)buf, sizeof(buf), 0));
	strcpy(buf, "was here");
	T(ctl(KEYCTL_READ, k, (long)buf, 2, 0));
	say("%s", buf); /* what does not fit is not begun either */
	T(ctl(KEYCTL_READ, k, 0, 0, 0));
	T(ctl(KEYCTL_READ, k, (long)BAD, 6, 0));
	IS(add("user", "u:1", "other", 5, p) == k);
	T(ctl(KEYCTL_READ, k, (long)buf, sizeof(buf), 0));
	OK(k = add("logon", "l:1", "secret", 6, p));
	describe("logon", k);
	T(ctl(KEYCTL_READ, k, (long)buf, sizeof(buf), 0));
	T(add("logon", "none", "secret", 6, p));
	OK(k = add("keyring", "ring", NULL, 0, p));
	describe("keyring", k);
	T(add("keyring", "ring", "x", 1, p));
	T(add("keyring", ".ring", NULL, 0, p));
	T(add("nosuch", "x", "x", 1, p));
	T(add("", "x", "x", 1, p));
	T(add(".type", "x", "x", 1, p));
	T(add("a type that is much too long for it", "x", "x", 1, p));
	T(add("user", NULL, "x", 1, p));
	T(add("user", "", "x", 1, p));
	T(add("user", "x", NULL, 0, p));
	T(add("user", "x", NULL, 1, p));
	T(add("user", "x", buf, 32768, p));
	T(add("user", "x", buf, 1 << 20, p));
	T(add(BAD, "x", "x", 1, p));
	T(add("user", BAD, "x", 1, p));
	T(add("user", "x", "x", 1, 0));
	T(add("user", "x", "x", 1, -100));
	T(add("user", "x", "x", 1, 0x7ffffff0));
	T(add("user", "x", "x", 1, (int)add("user", "notaring", "x", 1, p)));
}

static void life(void)
{
	const int p = KEY_SPEC_PROCESS_KEYRING;
	long k;

	k = NEED(add("user", "gone", "x", 1, p));
	T(ctl(KEYCTL_UPDATE, k, (long)"longer", 6, 0));
	T(ctl(KEYCTL_UPDATE, k, 0, 0, 0));
	T(ctl(KEYCTL_UPDATE, p, (long)"x", 1, 0));
	T(ctl(KEYCTL_REVOKE, k, 0, 0, 0));
	T(ctl(KEYCTL_READ, k, (long)buf, 10, 0));
	T(ctl(KEYCTL_REVOKE, k, 0, 0, 0));
	T(request("user", "gone", 0));
	k = NEED(add("user", "gone", "y", 1, p));
	T(ctl(KEYCTL_SET_TIMEOUT, k, 1000, 0, 0));
	T(ctl(KEYCTL_SET_TIMEOUT, k, 0, 0, 0));
	T(ctl(KEYCTL_SETPERM, k, 0xffffffff, 0, 0));
	T(ctl(KEYCTL_SETPERM, k, 0x3f000000 & ~0x02000000, 0, 0));
	describe("less", k);
	T(ctl(KEYCTL_SETPERM, k, 0x20000000, 0, 0));
	T(ctl(KEYCTL_READ, k, (long)buf, 10, 0));
	describe("none", k);
	T(ctl(KEYCTL_CHOWN, k, -1, -1, 0));
	T(ctl(KEYCTL_UNLINK, k, p, 0, 0));
	T(ctl(KEYCTL_READ, 0x7ffffff0, (long)buf, 10, 0));
	T(ctl(KEYCTL_INSTANTIATE, 1, 0, 0, 0));
	T(ctl(99, 0, 0, 0, 0));
}

/* A request for a key passes over an expired key; a read of it fails with EKEYEXPIRED. */
static void expired(void)
{
	long k = NEED(add("user", "old", "x", 1, KEY_SPEC_PROCESS_KEYRING));

	T(ctl(KEYCTL_SET_TIMEOUT, k, 1, 0, 0));
	T_WAIT(ctl(KEYCTL_READ, k, 0, 0, 0) == -1);
	T(ctl(KEYCTL_READ, k, 0, 0, 0));
	T(ctl(KEYCTL_SEARCH, KEY_SPEC_PROCESS_KEYRING, (long)"user", (long)"old", 0));
	T(request("user", "old", 0));
	k = NEED(add("user", "old", "y", 1, KEY_SPEC_THREAD_KEYRING));
	IS(request("user", "old", 0) == k);
}

static void rings(void)
{
	long a, b, k, s;

	s = NEED(ctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0));
	describe("session", s);
	IS(ctl(KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0, 0, 0) == s);
	T(ctl(KEYCTL_GET_KEYRING_ID, KEY_SPEC_THREAD_KEYRING, 0, 0, 0));
	OK(ctl(KEYCTL_GET_KEYRING_ID, KEY_SPEC_THREAD_KEYRING, 1, 0, 0));
	a = NEED(add("keyring", "a", NULL, 0, s));
	b = NEED(add("keyring", "b", NULL, 0, a));
	k = NEED(add("user", "deep", "x", 1, b));
	IS(request("user", "deep", 0) == k);
	IS(ctl(KEYCTL_SEARCH, a, (long)"user", (long)"deep", 0) == k);
	T(ctl(KEYCTL_SEARCH, k, (long)"user", (long)"deep", 0));
	T(ctl(KEYCTL_SEARCH, a, (long)"user", (long)"none", 0));
	T(request("user", "none", 0));
	T(request("nosuch", "none", 0));
	T(ctl(KEYCTL_LINK, a, b, 0, 0));
	T(ctl(KEYCTL_LINK, a, a, 0, 0));
	T(ctl(KEYCTL_LINK, k, k, 0, 0));
	T(ctl(KEYCTL_LINK, k, s, 0, 0));
	T(ctl(KEYCTL_READ, b, (long)buf, sizeof(buf), 0));
	IS(*(int *)buf == k);
	T(ctl(KEYCTL_UNLINK, k, s, 0, 0));
	T(ctl(KEYCTL_UNLINK, k, s, 0, 0));
	T(ctl(KEYCTL_CLEAR, k, 0, 0, 0));
	T(ctl(KEYCTL_CLEAR, b, 0, 0, 0));
	T(ctl(KEYCTL_READ, b, (long)buf, sizeof(buf), 0));
	T(ctl(KEYCTL_JOIN_SESSION_KEYRING, (long)".x", 0, 0, 0));
	NEED(add("user", "shared", "x", 1, s));
	NEED(add("user", "own", "x", 1, KEY_SPEC_PROCESS_KEYRING));
	CHILD({
		OK(request("user", "shared", 0));
		T(request("user", "own", 0));
		T(ctl(KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 0, 0, 0));
	});
	T(ctl(KEYCTL_SET_REQKEY_KEYRING, KEY_REQKEY_DEFL_THREAD_KEYRING, 0, 0, 0));
	T(ctl(KEYCTL_SET_REQKEY_KEYRING, KEY_REQKEY_DEFL_NO_CHANGE, 0, 0, 0));
	T(ctl(KEYCTL_SET_REQKEY_KEYRING, 99, 0, 0, 0));
}

static bool has(long ring, long key)
{
	long n = ctl(KEYCTL_READ, ring, (long)buf, sizeof(buf), 0);
	bool found = false;

	for (long i = 0; i < n / (long)sizeof(int); i++)
		found |= ((int *)buf)[i] == key;
	return found;
}

static void moving(void)
{
	long a = NEED(add("keyring", "a", NULL, 0, KEY_SPEC_PROCESS_KEYRING));
	long b = NEED(add("keyring", "b", NULL, 0, KEY_SPEC_PROCESS_KEYRING));
	long k = NEED(add("user", "moved", "x", 1, a)), other;

	T(ctl(KEYCTL_MOVE, k, a, b, 2));
	T(ctl(KEYCTL_MOVE, k, b, KEY_SPEC_PROCESS_KEYRING, 0)); /* it is not there */
	IS(!has(KEY_SPEC_PROCESS_KEYRING, k) && has(a, k));
	T(ctl(KEYCTL_MOVE, k, b, b, 0));
	T(ctl(KEYCTL_MOVE, k, a, k, 0));
	T(ctl(KEYCTL_MOVE, k, a, b, 0));
	IS(!has(a, k) && has(b, k));
	other = NEED(add("user", "moved", "y", 1, a));
	T(ctl(KEYCTL_MOVE, k, b, a, KEYCTL_MOVE_EXCL));
	T(ctl(KEYCTL_MOVE, k, KEY_SPEC_PROCESS_KEYRING, a, KEYCTL_MOVE_EXCL)); /* both */
	IS(has(a, other) && has(b, k));
	T(ctl(KEYCTL_MOVE, k, b, a, 0));
	IS(has(a, k) && !has(a, other) && !has(b, k));
	T(ctl(KEYCTL_MOVE, a, KEY_SPEC_PROCESS_KEYRING, a, 0));
	IS(has(KEY_SPEC_PROCESS_KEYRING, a));
}

static void shown_ids(const char *what, long id)
{
	int uid = -1;
	int gid = -1;

	NEED(ctl(KEYCTL_DESCRIBE, id, (long)buf, sizeof(buf), 0));
	sscanf(buf, "%*[^;];%d;%d;", &uid, &gid);
	say("%s: %d %d", what, uid, gid);
}

/* Ids are those of the caller's namespace. */
static void in_a_namespace(void)
{
	long s = NEED(ctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0));
	long k = NEED(add("user", "inside", "x", 1, s));

	shown_ids("made inside", k);
	T(ctl(KEYCTL_CHOWN, k, 0, 0, 0));
	T(ctl(KEYCTL_CHOWN, k, 0, -1, 0));
	T(ctl(KEYCTL_CHOWN, k, 1, -1, 0));
	T(ctl(KEYCTL_CHOWN, k, -1, 1, 0));
	T(ctl(KEYCTL_CHOWN, k, 1000, -1, 0));
	T(ctl(KEYCTL_CHOWN, k, -1, 1000, 0));
	shown_ids("the same", k);
}

static void strangers(void)
{
	long k = NEED(add("user", "private", "x", 1, KEY_SPEC_SESSION_KEYRING));

	CHILD({
		NEED(setuid(65534));
		NEED(ctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0));
		T(ctl(KEYCTL_READ, k, (long)buf, 10, 0));
		describe("a stranger's", k);
		T(ctl(KEYCTL_LINK, k, KEY_SPEC_SESSION_KEYRING, 0, 0));
		OK(add("user", "mine", "x", 1, KEY_SPEC_USER_KEYRING));
	});
}

static void to_parent(void)
{
	long mine;
	int status;

	fflush(stdout);
	if (!fork()) {
		mine = ctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0);
		if (!fork()) {
			long his = ctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0);

			add("user", "a gift", "x", 1, KEY_SPEC_SESSION_KEYRING);
			T(ctl(KEYCTL_SESSION_TO_PARENT, 0, 0, 0, 0));
			T(ctl(KEYCTL_SESSION_TO_PARENT, 0, 0, 0, 0));
			_exit(his == mine);
		}
		wait(&status);
		say("another keyring: %d, with the gift: %d, status %x",
			ctl(KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0, 0, 0) != mine,
			request("user", "a gift", 0) > 0, status);
		if (!fork()) {
			OK(ctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0));
			T(setresuid(0, 65534, 0));
			T(ctl(KEYCTL_SESSION_TO_PARENT, 0, 0, 0, 0));
			_exit(0);
		}
		wait(&status);
		_exit(0);
	}
	wait(&status);
}

/*
 * Keys that are revoked, expired or invisible can be unlinked, and a search reports why it does not
 * return them.
 */
static void ends(void)
{
	long r, r2, k, k2;

	T(ctl(KEYCTL_JOIN_SESSION_KEYRING, (long)"", 0, 0, 0));
	NEED(ctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0));
	T(ctl(KEYCTL_READ, 0, (long)buf, 10, 0));
	T(ctl(KEYCTL_READ, -20, (long)buf, 10, 0));
	T(ctl(KEYCTL_DESCRIBE, 0, (long)buf, 10, 0));
	r = NEED(add("keyring", "r", NULL, 0, KEY_SPEC_SESSION_KEYRING));
	r2 = NEED(add("keyring", "r2", NULL, 0, r));
	k = NEED(add("user", "k", "x", 1, r));
	k2 = NEED(add("user", "k", "y", 1, r2));
	T(ctl(KEYCTL_SETPERM, k, 0x370000, 0, 0));
	IS(ctl(KEYCTL_SEARCH, r, (long)"user", (long)"k", 0) == k2);
	T(ctl(KEYCTL_SETPERM, k2, 0x370000, 0, 0));
	T(ctl(KEYCTL_SEARCH, r, (long)"user", (long)"k", 0));
	T(request("user", "k", 0));
	T(ctl(KEYCTL_REVOKE, k2, 0, 0, 0));
	T(ctl(KEYCTL_SEARCH, r, (long)"user", (long)"k", 0));
	T(ctl(KEYCTL_LINK, k2, KEY_SPEC_SESSION_KEYRING, 0, 0));
	T(ctl(KEYCTL_UNLINK, k2, r2, 0, 0));
	T(ctl(KEYCTL_UNLINK, 0, r2, 0, 0));
	T(ctl(KEYCTL_READ, r2, (long)buf, 10, 0)); /* two and a half numbers */
	T(ctl(KEYCTL_READ, r2, (long)buf, 2, 0));
	T(ctl(KEYCTL_READ, r2, 0, 10, 0));
	T(ctl(KEYCTL_SET_TIMEOUT, r2, 1, 0, 0));
	T_WAIT(ctl(KEYCTL_READ, r2, (long)buf, 8, 0) == -1);
	T(ctl(KEYCTL_READ, r2, (long)buf, 10, 0));
	T(ctl(KEYCTL_UNLINK, r2, r, 0, 0));
	T(ctl(KEYCTL_REVOKE, r, 0, 0, 0));
	T(ctl(KEYCTL_UNLINK, k, r, 0, 0));
	T(ctl(KEYCTL_UNLINK, r, KEY_SPEC_SESSION_KEYRING, 0, 0));
}

/*
 * A request with callout information leaves a key without a payload on a machine where no program
 * makes keys. A host may have such a program.
 */
static void negative(void)
{
	int ids[4], ring = KEY_SPEC_PROCESS_KEYRING, id;
	bool helper = !access("/sbin/request-key", F_OK);
	char c;

	T(syscall(SYS_request_key, "user", "made", NULL, ring));
	id = (int)syscall(SYS_request_key, "user", "made", "how", ring);
	say("%d %s", id, helper || errno == ENOENT ? "ENOENT" : t_errno(errno));
	T(ctl(KEYCTL_READ, ring, (long)ids, sizeof(ids), 0));
	T(ctl(KEYCTL_READ, ids[0], (long)&c, 1, 0));
	T(syscall(SYS_request_key, "user", "made", "how", ring));
	T(syscall(SYS_request_key, "keyring", "made", "how", ring));
	T(ctl(KEYCTL_READ, ring, 0, 0, 0));
	T(ctl(KEYCTL_UNLINK, ids[0], ring, 0, 0));
}

/*
 * Waits until the links of @ring take @want bytes: Linux collects dead keys a moment later. Returns
 * their size, or -1.
 */
static long links_left(int ring, long want)
{
	long n = -1;

	for (int i = 0; i < 10000; i++) {
		n = ctl(KEYCTL_READ, ring, 0, 0, 0);
		if (n == want)
			break;
		usleep(10000);
	}
	return n;
}

static const char *gone(int key)
{
	for (int i = 0; i < 10000 && ctl(KEYCTL_DESCRIBE, key, 0, 0, 0) >= 0; i++)
		usleep(10000);
	return ctl(KEYCTL_DESCRIBE, key, 0, 0, 0) < 0 ? t_errno(errno) : "there";
}

static void invalidated(void)
{
	int ring = KEY_SPEC_PROCESS_KEYRING;
	int one = (int)add("keyring", "one", NULL, 0, ring),
	    two = (int)add("keyring", "two", NULL, 0, ring);
	int k = (int)add("user", "k", "x", 1, one), other = (int)add("user", "other", "x", 1, one);

	T(ctl(KEYCTL_LINK, k, two, 0, 0));
	T(ctl(KEYCTL_INVALIDATE, k, 0, 0, 0));
	say("one: %ld two: %ld", links_left(one, 4), links_left(two, 0));
	say("the key: %s", gone(k));
	T(ctl(KEYCTL_INVALIDATE, one, 0, 0, 0));
	say("its keyring: %ld", links_left(ring, 4));
	say("what was in it: %s", gone(other));
	T(ctl(KEYCTL_INVALIDATE, one, 0, 0, 0));
}

static void restricted(void)
{
	int ring = KEY_SPEC_PROCESS_KEYRING;
	int in = (int)add("keyring", "in", NULL, 0, ring), k = (int)add("user", "k", "x", 1, ring);

	NEED(add("user", "first", "x", 1, in));
	T(ctl(KEYCTL_RESTRICT_KEYRING, in, 0, (long)"x", 0));
	T(ctl(KEYCTL_RESTRICT_KEYRING, in, (long)"nosuch", (long)"x", 0));
	T(ctl(KEYCTL_RESTRICT_KEYRING, in, (long)"user", (long)"x", 0));
	T(ctl(KEYCTL_RESTRICT_KEYRING, k, 0, 0, 0));
	T(ctl(KEYCTL_RESTRICT_KEYRING, in, 0, 0, 0));
	T(ctl(KEYCTL_RESTRICT_KEYRING, in, 0, 0, 0));
	T(add("user", "second", "x", 1, in));
	T(ctl(KEYCTL_LINK, k, in, 0, 0));
	T(ctl(KEYCTL_CLEAR, in, 0, 0, 0));
	T(add("user", "third", "x", 1, in));
}

TEST(keyctl)
{
	if (add("user", "probe", "x", 1, KEY_SPEC_PROCESS_KEYRING) == -1) {
		say("needed: add_key: %s", t_errno(errno));
		return;
	}
	CHILD(types());
	CHILD(shown());
	CHILD(life());
	CHILD(expired());
	CHILD(rings());
	CHILD(ends());
	CHILD(negative());
	CHILD(restricted());
	CHILD(invalidated());
	CHILD(rings(); strangers());
	CHILD(moving());
	if (!getuid())
		t_wait("inside", userns_spawn(0, 1000, 10, in_a_namespace));
	to_parent();
}
