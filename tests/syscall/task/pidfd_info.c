/* SPDX-License-Identifier: MIT */
/*
 * pidfd_info: PIDFD_GET_INFO on processes that live, have ended, and are reaped; fstat and fstatfs
 * of pidfds.
 */
#include "t.h"

#include <sys/ioctl.h>
#include <sys/vfs.h>

struct info {
	uint64_t mask, cgroupid;
	uint32_t pid, tgid, ppid, ids[8];
	int32_t code;
	uint32_t core, sig;
	uint64_t more;
};

static int get(int fd, unsigned size, uint64_t mask, struct info *i)
{
	memset(i, 0xaa, sizeof(*i));
	i->mask = mask;
	return ioctl(fd, _IOC(_IOC_READ | _IOC_WRITE, 0xff, 11, size), i);
}

static void show(const char *what, int fd, unsigned size, uint64_t mask)
{
	struct info i;
	int r = get(fd, size, mask, &i);

	if (r == -1) {
		say("%s, %u bytes, %#lx: %s", what, size, (long)mask, t_errno(errno));
		return;
	}
	say("%s, %u bytes, %#lx: mask %#lx, group %d, pid %d, code %#x, core %#x", what, size,
		(long)mask, (long)i.mask, i.cgroupid != 0, i.pid != 0, i.code,
		size > 64 ? i.core : 0);
	if (i.pid && size >= 64)
		say("uid %u gid %u euid %u egid %u suid %u sgid %u fsuid %u fsgid %u, ours %d",
			i.ids[0], i.ids[1], i.ids[2], i.ids[3], i.ids[4], i.ids[5], i.ids[6],
			i.ids[7], i.ppid == (uint32_t)getpid());
}

static int child(int code, int sig, pid_t *pid)
{
	int go[2], fd;
	char c;

	NEED(pipe(go));
	*pid = SPAWN(close(go[1]); read(go[0], &c, 1); if (sig) raise(sig); _exit(code));
	fd = NEED(syscall(SYS_pidfd_open, *pid, 0));
	close(go[0]);
	return go[1] << 8 | fd;
}

TEST(pidfd_info)
{
	static const unsigned sizes[] = { 8, 60, 63, 64, 72 };
	struct stat a, b;
	struct statfs sf;
	pid_t pid;
	int fd, two, go;

	two = child(7, 0, &pid);
	fd = two & 0xff;
	go = two >> 8;
	for (unsigned i = 0; i < 5; i++)
		show("alive", fd, sizes[i], 0);
	for (uint64_t m = 1; m < 32; m *= 2)
		show("alive", fd, 72, m);
	show("alive", fd, 72, 1UL << 40);
	T(ioctl(fd, _IOC(_IOC_READ | _IOC_WRITE, 0xff, 11, 64), NULL));
	T(ioctl(fd, _IOC(_IOC_READ | _IOC_WRITE, 0xff, 11, 64), 1));
	T(ioctl(fd, _IOC(_IOC_READ, 0xff, 11, 64), NULL));
	NEED(fstatfs(fd, &sf));
	say("type %#lx", (long)sf.f_type);
	NEED(fstat(fd, &a));
	two = NEED(syscall(SYS_pidfd_open, pid, 0));
	NEED(fstat(two, &b));
	IS(a.st_ino == b.st_ino && a.st_dev == b.st_dev);
	two = NEED(syscall(SYS_pidfd_open, getpid(), 0));
	NEED(fstat(two, &b));
	IS(a.st_ino != b.st_ino && a.st_dev == b.st_dev);
	CHILD({
		NEED(unshare(CLONE_NEWPID));
		CHILD({
			show("of another namespace", fd, 64, 0);
			show("of one's own", NEED(syscall(SYS_pidfd_open, 1, 0)), 64, 0);
		});
	});
	close(go);
	NEED(waitid(P_PID, pid, NULL, WEXITED | WNOWAIT));
	show("zombie", fd, 72, 0x1f);
	show("zombie", fd, 64, 8);
	t_wait("it", pid);
	show("gone", fd, 64, 0);
	show("gone", fd, 64, 3);
	show("gone", fd, 64, 8);
	show("gone", fd, 72, 0x1f);
	two = child(0, SIGKILL, &pid);
	close(two >> 8);
	t_wait("it", pid);
	show("killed", two & 0xff, 64, 8);
	CHILD({
		NEED(setresgid(5, 6, 7));
		NEED(setresuid(2, 3, 4));
		show("of a user", NEED(syscall(SYS_pidfd_open, getppid(), 0)), 64, 0);
		show("oneself", NEED(syscall(SYS_pidfd_open, getpid(), 0)), 64, 0);
	});
}
