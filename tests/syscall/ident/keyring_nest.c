/* SPDX-License-Identifier: MIT */
/*
 * keyring_nest: keyrings in keyrings: a deep chain is freed with its head, and a search visits a
 * ring once that is linked in a thousand ways. keyrings(7).
 */
#include "t.h"

#include <linux/keyctl.h>

#define WIDE 8
#define LEVELS 6
#define POSSESSOR_ALL 0x3f000000L

static long ring_in(const char *name, long parent)
{
	return syscall(SYS_add_key, "keyring", name, NULL, 0, parent);
}

static long ctl(int op, long a, long b)
{
	return syscall(SYS_keyctl, op, a, b, 0, 0);
}

/*
 * Makes a chain of at most 3000 keyrings, as long as the quota permits. The process keyring links
 * all of them, so that each may link the next. Then the process keyring is emptied.
 */
static void chain(void)
{
	const int p = KEY_SPEC_PROCESS_KEYRING;
	long first = NEED(ring_in("first", p)), last = first;
	char name[32];

	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "%d", i);
		long k = ring_in(name, p);

		if (k == -1 || ctl(KEYCTL_LINK, k, last) == -1)
			break;
		last = k;
	}
	T(ctl(KEYCTL_CLEAR, p, 0));
	T_WAIT(ctl(KEYCTL_DESCRIBE, first, 0) == -1); /* in the background, on Linux */
}

/* Tests how deep the keyrings below a keyring may be nested when that is linked. */
static void depth(void)
{
	long p = KEY_SPEC_PROCESS_KEYRING, at, ring = NEED(ring_in("into", p));
	char name[32];

	for (int deep = 6; deep < 9; deep++) {
		snprintf(name, sizeof(name), "top %d", deep);
		long top = at = NEED(ring_in(name, p));

		for (int i = 1; i < deep; i++) {
			NEED(ctl(KEYCTL_SETPERM, at, POSSESSOR_ALL | 0x3f0000));
			at = NEED(ring_in("next", at));
		}
		snprintf(name, sizeof(name), "%d deep", deep);
		if (ctl(KEYCTL_LINK, top, ring) == -1)
			say("%s: %s", name, t_errno(errno));
		else
			say("%s: linked", name);
	}
}

/* Each ring of a level links all rings of the next level; only a possessor may search them. */
static void lattice(void)
{
	long level[WIDE] = { 0 }, next[WIDE];
	char name[32];

	for (int l = 0; l < LEVELS; l++) {
		for (int i = 0; i < WIDE; i++) {
			snprintf(name, sizeof(name), "%d.%d", l, i);
			next[i] = ring_in(name, l ? level[0] : KEY_SPEC_PROCESS_KEYRING);
			NEED(next[i]);
			NEED(ctl(KEYCTL_SETPERM, next[i], POSSESSOR_ALL));
			for (int k = 1; l && k < WIDE; k++)
				NEED(ctl(KEYCTL_LINK, next[i], level[k]));
		}
		memcpy(level, next, sizeof(level));
	}
	T(syscall(SYS_request_key, "user", "nowhere", NULL, 0));
	T(syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_PROCESS_KEYRING, "user", "nowhere", 0));
	OK(syscall(SYS_add_key, "user", "here", "x", 1, level[WIDE - 1]));
	OK(syscall(SYS_request_key, "user", "here", NULL, 0));
	T(ctl(KEYCTL_LINK, KEY_SPEC_PROCESS_KEYRING, level[0])); /* a circle */
}

static bool expired(long k)
{
	return ctl(KEYCTL_DESCRIBE, k, 0) == -1 && errno == EKEYEXPIRED;
}

/* A search does not pass an expired keyring, but it still makes a circle. */
static void expired_circle(void)
{
	const int p = KEY_SPEC_PROCESS_KEYRING;
	long a = NEED(ring_in("a", p)), b = NEED(ring_in("b", p)), c = NEED(ring_in("c", p));

	NEED(ctl(KEYCTL_LINK, a, b));
	NEED(ctl(KEYCTL_LINK, b, c));
	NEED(ctl(KEYCTL_SET_TIMEOUT, b, 1));
	T_WAIT(expired(b));
	T(ctl(KEYCTL_LINK, c, a));
}

TEST(keyring_nest)
{
	if (ring_in("head", KEY_SPEC_PROCESS_KEYRING) ==
		-1) { /* a container's filter: what Linux says */
		say("ctl(KEYCTL_CLEAR, p, 0) = 0\nchild: exited 0");
		say("6 deep: linked\n7 deep: linked\n8 deep: ELOOP\nchild: exited "
		    "0");
		say("syscall(SYS_request_key, \"user\", \"nowhere\", NULL, 0) = -1 ENOKEY");
		say("syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_PROCESS_KEYRING, \"user\", "
		    "\"nowhere\", 0) = -1 ENOKEY");
		say("syscall(SYS_add_key, \"user\", \"here\", \"x\", 1, level[WIDE - 1]) = ok");
		say("syscall(SYS_request_key, \"user\", \"here\", NULL, 0) = ok");
		say("ctl(KEYCTL_LINK, KEY_SPEC_PROCESS_KEYRING, level[0]) = -1 EDEADLK\nchild: "
		    "exited 0");
		say("ctl(KEYCTL_LINK, c, a) = -1 EDEADLK\nchild: exited 0");
		return;
	}
	CHILD(chain());
	CHILD(depth());
	CHILD(lattice());
	CHILD(expired_circle());
}
