/* SPDX-License-Identifier: MIT */
/* vm.memfd_noexec: what memfd_create(2) does without MFD_EXEC and MFD_NOEXEC_SEAL. */
#include "guest.h"

#define EXEC 16U
#define NOEXEC_SEAL 8U
#define SEAL_EXEC 0x20

static void set(const char *to)
{
	int fd = GNEED(open("/proc/sys/vm/memfd_noexec", O_WRONLY));

	if (in_guest()) {
		NEED(write(fd, to, strlen(to)));
		close(fd);
	}
}

static long make(unsigned flags)
{
	struct stat st;
	int fd = (int)syscall(SYS_memfd_create, "m", flags), seals;

	if (fd == -1)
		return -1;
	NEED(fstat(fd, &st));
	seals = fcntl(fd, F_GET_SEALS);
	close(fd);
	return (st.st_mode & 0777) * 100 + seals;
}

static long store(const char *to)
{
	int fd = open("/proc/sys/vm/memfd_noexec", O_WRONLY), err;
	long n = write(fd, to, strlen(to));

	err = errno;
	close(fd);
	errno = err;
	return n;
}

/* A pid namespace has its own value, which is never less than those of the namespaces above. */
static void inside(int ready, int go)
{
	char c;

	G(make(0), "43832"); /* as above when it was made */
	G(store("0\n"), "-1 EINVAL");
	G(store("3\n"), "-1 EINVAL");
	G(store("2\n"), "2");
	G(make(EXEC), "-1 EACCES");
	G(store("1\n"), "2");
	G(make(EXEC), "51101");
	NEED(write(ready, "x", 1));
	NEED(read(go, &c, 1)); /* above it is 2 now */
	G(make(EXEC), "-1 EACCES");
	G(store("1\n"), "-1 EINVAL");
	CHILD({
		if (in_guest())
			NEED(setuid(65534));
		G(store("2\n"), "-1 EBADF");
	});
}

static void nested(void)
{
	int ready[2], go[2];
	pid_t pid;
	char c;

	NEED(pipe(ready));
	NEED(pipe(go));
	set("1\n");
	pid = SPAWN({
		if (in_guest())
			NEED(unshare(CLONE_NEWPID));
		CHILD(inside(ready[1], go[0]));
	});
	NEED(read(ready[0], &c, 1));
	set("2\n");
	NEED(write(go[1], "x", 1));
	t_wait("nested", pid);
	set("0\n");
	G(make(EXEC), "51101");
}

TEST(memfd_noexec)
{
	G(make(0), "51101");
	G(make(EXEC), "51101");
	G(make(NOEXEC_SEAL), "43832");
	set("1\n");
	G(make(0), "43832");
	G(make(EXEC), "51101");
	set("2\n");
	G(make(0), "43832");
	G(make(EXEC), "-1 EACCES");
	G(make(NOEXEC_SEAL), "43832");
	set("0\n");
	G(make(0), "51101");
	nested();
}
