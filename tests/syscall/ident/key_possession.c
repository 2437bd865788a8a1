/* SPDX-License-Identifier: MIT */
/*
 * key_possession: which processes possess a key: those whose keyrings lead to it through keyrings
 * that they may search, if they may search the key itself. Permissions of the possessor hold for no
 * other process. keyctl(2), keyrings(7).
 */
#include "t.h"

#include <linux/keyctl.h>

#define POS(bits) ((long)(bits) << 24)
#define USR(bits) ((long)(bits) << 16)
#define ALL 0x3f
#define VIEW 1
#define READ 2
#define WRITE 4
#define SEARCH 8
#define LINK 16

static long ctl(int op, long a, long b, long c, long d)
{
	return syscall(SYS_keyctl, op, a, b, c, d);
}

static const struct {
	const char *name;
	long perm;
} perms[] = {
	{ "all", POS(ALL) },
	{ "no search", POS(ALL & ~SEARCH) },
	{ "owner's search", POS(ALL & ~SEARCH) | USR(SEARCH) },
	{ "owner's all", USR(ALL) },
	{ "search only", POS(SEARCH) },
};
#define NR ((int)(sizeof(perms) / sizeof(perms[0])))

static void result(char *to, const char *what, long r)
{
	sprintf(to + strlen(to), " %s %s", what, r < 0 ? t_errno(errno) : "ok");
}

/*
 * Session keyring s links ring links key; each has its permissions. Prints what may be done with
 * the key.
 */
static void tried(int s, int r, int k, bool deep)
{
	char buf[100], line[400];
	long ring, mid, key, other;

	NEED(ctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0));
	other = NEED(syscall(SYS_add_key, "keyring", "other", NULL, 0, KEY_SPEC_PROCESS_KEYRING));
	ring = mid =
		NEED(syscall(SYS_add_key, "keyring", "ring", NULL, 0, KEY_SPEC_SESSION_KEYRING));
	if (deep)
		ring = NEED(syscall(SYS_add_key, "keyring", "below", NULL, 0, ring));
	key = NEED(syscall(SYS_add_key, "user", "key", "data", 4, ring));
	NEED(ctl(KEYCTL_SETPERM, key, perms[k].perm, 0, 0));
	if (deep)
		NEED(ctl(KEYCTL_SETPERM, ring, POS(ALL) | USR(SEARCH), 0, 0));
	NEED(ctl(KEYCTL_SETPERM, mid, perms[r].perm, 0, 0));
	NEED(ctl(KEYCTL_SETPERM, KEY_SPEC_SESSION_KEYRING, perms[s].perm, 0, 0));
	sprintf(line, "session %s, ring %s, key %s%s:", perms[s].name, perms[r].name, perms[k].name,
		deep ? ", deep" : "");
	result(line, "describe", ctl(KEYCTL_DESCRIBE, key, (long)buf, sizeof(buf), 0));
	result(line, "read", ctl(KEYCTL_READ, key, (long)buf, sizeof(buf), 0));
	result(line, "update", ctl(KEYCTL_UPDATE, key, (long)"more", 4, 0));
	result(line, "search",
		ctl(KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, (long)"user", (long)"key", 0));
	result(line, "search ring", ctl(KEYCTL_SEARCH, ring, (long)"user", (long)"key", 0));
	result(line, "request", syscall(SYS_request_key, "user", "key", NULL, 0));
	result(line, "list ring", ctl(KEYCTL_READ, ring, (long)buf, sizeof(buf), 0));
	result(line, "list session",
		ctl(KEYCTL_READ, KEY_SPEC_SESSION_KEYRING, (long)buf, sizeof(buf), 0));
	result(line, "link", ctl(KEYCTL_LINK, key, other, 0, 0));
	result(line, "describe after", ctl(KEYCTL_DESCRIBE, key, (long)buf, sizeof(buf), 0));
	say("%s", line);
}

TEST(key_possession)
{
	for (int s = 0; s < NR; s++)
		for (int r = 0; r < NR; r++)
			for (int k = 0; k < NR; k++)
				t_wait("", SPAWN({ tried(s, r, k, false); }));
	for (int r = 0; r < NR; r++)
		for (int k = 0; k < NR; k++)
			t_wait("", SPAWN({ tried(0, r, k, true); }));
}
