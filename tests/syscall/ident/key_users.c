/* SPDX-License-Identifier: MIT */
/*
 * key_users: keys of more users, one after the other, than a kernel could remember for ever. A user
 * without keys is forgotten. The most keys that root may have can be raised. A keyring that the
 * quota refuses is not left half made.
 */
#include "guest.h"
#include <linux/keyctl.h>
#include <sys/fsuid.h>

#define MOST "/proc/sys/kernel/keys/root_maxkeys"

static bool told_of_root(const char *most)
{
	FILE *f = fopen("/proc/key-users", "re");
	char line[200];
	bool found = false;

	while (f && fgets(line, sizeof(line), f))
		found |= !strncmp(line, "    0:", 6) && strstr(line, most);
	if (f)
		fclose(f);
	return found;
}

static long set_most(const char *most)
{
	int fd = open(MOST, O_WRONLY | O_CLOEXEC);
	long n = write(fd, most, strlen(most));

	close(fd);
	return n;
}

static long ring_of_user(int which)
{
	return syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, which, 1);
}

/*
 * A user whose quota has room for _uid_ses.N, but not for its link to _uid.N, gets it with that
 * link later.
 */
static void full_quota(long ring)
{
	static char fill[20000];
	int ses[8], size = sizeof(fill) - sizeof("_uid.200000") - sizeof("f") - 40;

	GNEED0(setresuid(200000, 200000, 0));
	GIS(ring_of_user(KEY_SPEC_USER_KEYRING) > 0);
	GIS(syscall(SYS_add_key, "user", "f", fill, size, ring) > 0);
	G(ring_of_user(KEY_SPEC_USER_SESSION_KEYRING), "-1 EDQUOT");
	G(syscall(SYS_keyctl, KEYCTL_CLEAR, ring), "0");
	GIS(ring_of_user(KEY_SPEC_USER_SESSION_KEYRING) > 0);
	G(syscall(SYS_keyctl, KEYCTL_READ, KEY_SPEC_USER_SESSION_KEYRING, ses, sizeof(ses)), "4");
	GNEED0(setresuid(0, 0, 0));
}

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
	GIS(told_of_root("/1000000 "));
	G(set_most("2000000"), "7");
	GIS(told_of_root("/2000000 "));
	G(set_most("1000000"), "7");
	full_quota(ring);
}
