/* SPDX-License-Identifier: MIT */
/*
 * quotactl(2), quotactl_fd(2) on file systems that support quotas, with none on: every command by
 * device and by descriptor, bad addresses, ids, kinds and devices; on tmpfs and proc; what a normal
 * user may ask. The host's answers on ext4 were recorded elsewhere.
 */
#include "guest.h"
#include "recorded.h"
#include <linux/dqblk_xfs.h>
#include <linux/quota.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#ifndef SYS_quotactl_fd
#define SYS_quotactl_fd 443
#endif

static const char expected[] =
#include "quotactl.inc"
	;

static const struct {
	const char *name;
	unsigned cmd;
} cmds[] = {
#define CMD(x)                                                                                     \
	{                                                                                          \
#x, x                                                                              \
	}
	CMD(Q_SYNC),
	CMD(Q_QUOTAON),
	CMD(Q_QUOTAOFF),
	CMD(Q_GETFMT),
	CMD(Q_GETINFO),
	CMD(Q_SETINFO),
	CMD(Q_GETQUOTA),
	CMD(Q_SETQUOTA),
	CMD(Q_GETNEXTQUOTA),
	CMD(Q_XQUOTAON),
	CMD(Q_XQUOTAOFF),
	CMD(Q_XGETQUOTA),
	CMD(Q_XSETQLIM),
	CMD(Q_XGETQSTAT),
	CMD(Q_XQUOTARM),
	CMD(Q_XQUOTASYNC),
	CMD(Q_XGETQSTATV),
	CMD(Q_XGETNEXTQUOTA),
	{ "unknown", 0x123456 },
};

static const char *by_path(const char *dev, unsigned cmd, unsigned type, int id, void *p)
{
	return syscall(SYS_quotactl, QCMD(cmd, type), dev, id, p) ? t_errno(errno) : "0";
}

static const char *by_fd(int fd, unsigned cmd, unsigned type, int id, void *p)
{
	return syscall(SYS_quotactl_fd, fd, QCMD(cmd, type), id, p) ? t_errno(errno) : "0";
}

/* Prints the results of all commands, for the kinds below @kinds. */
static void all(const char *what, unsigned kinds, const char *dev, int fd, int id, void *p)
{
	for (unsigned type = 0; type < kinds; type++)
		for (unsigned i = 0; i < sizeof(cmds) / sizeof(cmds[0]); i++)
			say("%s, kind %u, %s: %s, %s", what, type, cmds[i].name,
				by_path(dev, cmds[i].cmd, type, id, p),
				by_fd(fd, cmds[i].cmd, type, id, p));
}

/* True if the file system could keep quotas, and the caller may ask. */
static bool has_quotas(void)
{
	struct statfs s;

	NEED(statfs(".", &s));
	return s.f_type == 0xef53 && !syscall(SYS_quotactl, QCMD(Q_SYNC, USRQUOTA), NULL, 0, NULL);
}

TEST(quotactl)
{
	static char buf[256];
	struct stat st;
	int here, proc, none;

	NEED(stat(".", &st));
	if (!in_guest() && (!has_quotas() || older_than(6, 18)))
		RECORDED(expected);
	if (mknod("disk", S_IFBLK | 0600, st.st_dev) && !in_guest())
		RECORDED(expected);
	NEED(mknod("no-disk", S_IFBLK | 0600, makedev(7, 77)));
	NEED(close(NEED(open("file", O_CREAT | O_WRONLY, 0600))));
	here = NEED(open(".", O_RDONLY));
	proc = NEED(open("/proc", O_PATH));
	none = 500;
	all("disk", 4, "disk", here, 0, buf);
	all("bad address", 1, "disk", here, 0, BAD);
	all("nobody's", 3, "disk", here, -1, buf);
	all("file, proc", 1, "file", proc, 0, buf);
	all("no disk, no file", 1, "no-disk", none, 0, buf);
	all("no name", 1, "nothing", proc, 0, buf);
	all("bad name", 1, (char *)BAD, proc, 0, buf);
	all("NULL", 1, NULL, proc, 0, buf);
	buf[0] = FS_QSTATV_VERSION1;
	say("%s", by_fd(here, Q_XGETQSTATV, 0, 0, buf));
	buf[0] = 0;
	NEED(chmod("disk", 0666));
	NEED(chmod(".", 0755));
	CHILD({
		t_become(65534, 65533);
		all("own user", 3, "disk", here, 65534, buf);
		all("own group", 3, "disk", here, 65533, buf);
		all("root's", 1, "disk", here, 0, buf);
	});
}
