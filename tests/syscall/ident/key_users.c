/* SPDX-License-Identifier: MIT */
/*
 * key_users: keys of more users, one after the other, than a kernel could remember for ever. A user
 * without keys is forgotten.
 */
#include "t.h"
#include <linux/keyctl.h>
#include <sys/fsuid.h>

TEST(key_users)
{
	long ring = NEED(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, "key_users"));
	int refused = 0;

	for (int i = 0; i < 4300; i++) {
		setfsuid(100000 + i);
		refused += syscall(SYS_add_key, "user", "mine", "x", 1, ring) == -1;
		setfsuid(0);
		NEED(syscall(SYS_keyctl, KEYCTL_CLEAR, ring));
	}
	say("refused: %d", refused);
}
