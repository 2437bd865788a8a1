/* SPDX-License-Identifier: MIT */
/*
 * overlay_pick: an overlay that exists takes no options by fsconfig(2), but flags of the
 * superblock. remount ignores options.
 */
#include "mounts.h"
#include <linux/mount.h>
#include <sys/mount.h>

static int config(int fd, unsigned cmd, const char *key, const void *value)
{
	return (int)syscall(SYS_fsconfig, fd, cmd, key, value, 0);
}

/* Prints the next message of the context. */
static void message(int fd)
{
	char text[200];
	ssize_t n = read(fd, text, sizeof(text) - 1);

	if (n > 0)
		say("%.*s", (int)strcspn(text, "\n"), text);
	else
		say("no message: %s", t_errno(errno));
}

static void pick(void)
{
	int fd = NEED(syscall(SYS_fspick, AT_FDCWD, "o", 0));

	T(config(fd, FSCONFIG_SET_STRING, "redirect_dir", "off"));
	message(fd);
	T(config(fd, FSCONFIG_SET_STRING, "unknown", "x"));
	message(fd);
	T(config(fd, FSCONFIG_SET_FLAG, "volatile", NULL));
	message(fd);
	T(config(fd, FSCONFIG_SET_STRING, "source", "x"));
	message(fd);
	T(config(fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL));
	T(config(fd, FSCONFIG_SET_FLAG, "ro", NULL));
	T(config(fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL));
	T(mkdir("o/d", 0755));
	close(fd);
}

TEST(overlay_pick)
{
	own_mounts();
	scratch_enter(NULL);
	NEED(mkdir("l", 0755) | mkdir("u", 0755) | mkdir("w", 0755) | mkdir("o", 0755));
	NEED(mount("o", "o", "overlay", 0, "lowerdir=l,upperdir=u,workdir=w"));
	pick();
	T(mount(NULL, "o", NULL, MS_REMOUNT, "redirect_dir=off,unknown"));
	T(mkdir("o/d", 0755));
	NEED(umount("o"));
	scratch_leave();
}
