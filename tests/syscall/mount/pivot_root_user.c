/* SPDX-License-Identifier: MIT */
/*
 * pivot_root_user: pivot_root(2) in containers without root. The old root was locked in its place
 * when the namespace was made, but can be unmounted once it is not the root. The new root cannot be
 * unmounted, and a locked mount cannot become the root.
 */
#include "guest.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>

static long put(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY);
	long n = write(fd, text, strlen(text));

	close(fd);
	return n == (long)strlen(text) ? 0 : -1;
}

static void in_a_namespace(void)
{
	G(setgid(65534), "0");
	G(setuid(65534), "0");
	G(prctl(PR_SET_DUMPABLE, 1), "0");
	G(unshare(CLONE_NEWUSER | CLONE_NEWNS), "0");
	G(put("/proc/self/setgroups", "deny"), "0");
	G(put("/proc/self/gid_map", "0 65534 1"), "0");
	G(put("/proc/self/uid_map", "0 65534 1"), "0");
	G(syscall(SYS_pivot_root, "locked", "locked/old"), "-1 EINVAL");
	G(mount("tmpfs", "new", "tmpfs", 0, NULL), "0");
	G(mkdir("new/old", 0755), "0");
	G(mkdir("new/dir", 0755), "0");
	G(chdir("new"), "0");
	G(syscall(SYS_pivot_root, ".", "old"), "0");
	G(chdir("/"), "0");
	G(access("/dir", F_OK), "0");
	G(access("/old/proc", F_OK), "0");
	G(umount2("/old/proc", MNT_DETACH), "-1 EINVAL"); /* still locked on the old root */
	G(mount("", "/old", NULL, MS_REC | MS_PRIVATE, NULL), "0");
	G(umount2("/old", MNT_DETACH), "0");
	G(access("/old/proc", F_OK), "-1 ENOENT");
	G(umount2("/", MNT_DETACH), "-1 EINVAL");
}

TEST(pivot_root_user)
{
	G(unshare(CLONE_NEWNS), "0");
	G(mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL), "0");
	GNEED(mkdir("new", 0777));
	GNEED(mkdir("locked", 0777));
	G(mount("tmpfs", "locked", "tmpfs", 0, "mode=0777"), "0");
	GNEED(mkdir("locked/old", 0777));
	CHILD(in_a_namespace());
}
