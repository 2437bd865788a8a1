/* SPDX-License-Identifier: MIT */
/*
 * cgroup_io: the io controller counts what a group reads and writes, and delays it to its limits
 * until they are lifted; a delayed task can be killed. A test may not change the host's groups, so
 * the host's side prints what is expected. Only lower bounds of times are checked, which a slow
 * machine does not change.
 */
#include "cgroup.h"

#include <sys/sysmacros.h>

#define MIB (1l << 20)

static char disk[24]; /* "98:0" */
static char *data;

/* Writes a limit for the disk of the test's files. Returns the result of write(). */
static long limit(const char *group, const char *what)
{
	char path[64], line[128];

	snprintf(path, sizeof(path), "%s/io.max", group);
	snprintf(line, sizeof(line), "%s %s", disk, what);
	return put(path, line);
}

static bool limits_are(const char *what)
{
	char line[128] = "";

	if (*what)
		snprintf(line, sizeof(line), "%s %s\n", disk, what);
	return !strcmp(get("g/io.max"), line);
}

static void settings(void)
{
	WANT("none", limits_are(""));
	GIVES(limit("g", "rbps=1048576 wiops=120"), 0);
	WANT("two", limits_are("rbps=1048576 wbps=max riops=max wiops=120"));
	GIVES(limit("g", "riops=99999999999"), 0);
	WANT("three", limits_are("rbps=1048576 wbps=max riops=4294967295 wiops=120"));
	GIVES(limit("g", "rbps=0"), ERANGE);
	GIVES(limit("g", "rbps=1"), EINVAL);
	GIVES(limit("g", "rbps"), EINVAL);
	GIVES(limit("g", "bps=2"), EINVAL);
	GIVES(limit("g", "rbps=2x"), EINVAL);
	GIVES(limit("g", "rbps=500 nothing=2"), EINVAL);
	WANT("still three", limits_are("rbps=1048576 wbps=max riops=4294967295 wiops=120"));
	GIVES(put("g/io.max", "4000:1 rbps=max"), ENODEV);
	GIVES(put("g/io.max", "rbps=max"), EINVAL);
	GIVES(put("g/io.max", "98 rbps=max"), EINVAL);
	GIVES(limit("g", "rbps=max riops=max wiops=max wbps=max"), 0);
	WANT("none again", limits_are(""));
	WANT("not of the root", access("io.max", F_OK) == -1);
	WANT("no weights", access("g/io.weight", F_OK) == -1);
	WANT("the disk's", guest && figure("io.stat", "rbytes=") > 0);
}

static long read_direct(long bytes, long piece)
{
	int fd = NEED(open("../file", O_RDONLY | O_DIRECT));
	long n = 0;

	for (long at = 0; at < bytes; at += piece)
		n += pread(fd, data, (size_t)piece, at);
	close(fd);
	return n;
}

static long read_cached(long bytes)
{
	int fd = NEED(open("../file", O_RDONLY));
	long n = 0;

	NEED0(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
	for (long at = 0; at < bytes; at += MIB / 8)
		n += pread(fd, data, MIB / 8, at);
	close(fd);
	return n;
}

static long read_mapped(long bytes)
{
	int fd = NEED(open("../file", O_RDONLY));
	volatile char *p;
	long n = 0;

	NEED0(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
	p = mmap(NULL, (size_t)bytes, PROT_READ, MAP_SHARED, fd, 0);
	for (long at = 0; at < bytes; at += PAGE) {
		(void)p[at];
		n += PAGE;
	}
	munmap((void *)p, (size_t)bytes);
	close(fd);
	return n;
}

static long write_some(long bytes, int flags)
{
	int fd = NEED(open("../file", O_WRONLY | flags));
	long n = 0;

	for (long at = 0; at < bytes; at += MIB / 4)
		n += pwrite(fd, data, MIB / 4, at);
	close(fd);
	return n;
}

/*
 * Makes the call @e in a child in the group. Prints how the child ended: 0: the call returned
 * @bytes and took at least @least ms, 1: it returned something else, 2: it was faster.
 */
#define SLOWED(what, group, e, bytes, least)                                                       \
	do {                                                                                       \
		int st_ = 0;                                                                       \
		if (guest) {                                                                       \
			pid_t pid_ = SPAWN(long t_; NEED(put(group "/cgroup.procs", "0"));         \
					   t_ = now_ms(); if ((e) != (bytes))                      \
						   _exit(1); /* the last piece may go late */      \
					   _exit(now_ms() - t_ < (least) ? 2 : 0));                \
			NEED(waitpid(pid_, &st_, 0));                                              \
		}                                                                                  \
		t_status(what, st_);                                                               \
	} while (0)

static void rates(void)
{
	GIVES(limit("g", "rbps=2097152 wbps=1048576"), 0);
	SLOWED("2 MiB past the cache at 2 MiB/s", "g", read_direct(2 * MIB, MIB / 4), 2 * MIB, 800);
	SLOWED("2 MiB of the cache", "g", read_cached(2 * MIB), 2 * MIB, 700);
	SLOWED("2 MiB mapped", "g", read_mapped(2 * MIB), 2 * MIB, 700);
	SLOWED("1 MiB written at 1 MiB/s", "g", write_some(MIB, 0), MIB, 700);
	SLOWED("1 MiB written past the cache", "g", write_some(MIB, O_DIRECT), MIB, 700);
	SLOWED("what is above limits those below", "g/below", read_direct(2 * MIB, MIB / 4),
		2 * MIB, 800);
	GIVES(limit("g", "rbps=max wbps=max riops=20"), 0);
	SLOWED("20 reads at 20/s", "g", read_direct(20 * PAGE, PAGE), 20 * PAGE, 900);
	GIVES(limit("g", "riops=max"), 0);
}

static void counts(void)
{
	long before[4] = { 0 }, after[4] = { 0 };
	const char *const words[4] = { "rbytes=", "wbytes=", "rios=", "wios=" };
	int fd, st;
	pid_t pid;

	if (!guest) {
		say("counts: exited 0\nread: yes yes; written for it by others: yes yes");
		return;
	}
	NEED(mkdir("c", 0755));
	pid = SPAWN({
		NEED(put("c/cgroup.procs", "0"));
		if (read_direct(MIB, MIB / 2) != MIB || read_cached(MIB) != MIB)
			_exit(1);
		fd = NEED(open("../own", O_WRONLY | O_CREAT | O_TRUNC, 0600));
		_exit(write(fd, data, MIB) != MIB);
	});
	NEED(waitpid(pid, &st, 0));
	t_status("counts", st);
	for (int i = 0; i < 4; i++)
		before[i] = figure("c/io.stat", words[i]);
	fd = NEED(open("../own", O_WRONLY));
	NEED(fsync(fd));
	close(fd);
	for (int i = 0; i < 4; i++)
		after[i] = figure("c/io.stat", words[i]);
	say("read: %s %s; written for it by others: %s %s", before[0] >= 2 * MIB ? "yes" : "no",
		before[2] >= 3 ? "yes" : "no", after[1] >= MIB ? "yes" : "no",
		after[3] > 0 ? "yes" : "no");
	NEED(unlink("../own"));
	T_WAIT(!rmdir("c"));
}

/* Returns a child that reads, and that the limit would delay for hours. */
static pid_t slow_reader(void)
{
	pid_t pid = SPAWN(NEED(put("g/cgroup.procs", "0")); _exit(read_direct(MIB, MIB) != MIB));

	t_until(pid, 'D');
	return pid;
}

static void lifted(void)
{
	int st;

	if (!guest) {
		say("lifted: exited 0\nkilled: killed by SIGKILL");
		return;
	}
	NEED(limit("g", "rbps=100"));
	pid_t pid = slow_reader();
	NEED(limit("g", "rbps=max"));
	NEED(waitpid(pid, &st, 0));
	t_status("lifted", st);
	NEED(limit("g", "rbps=100"));
	pid = slow_reader();
	NEED(kill(pid, SIGKILL));
	NEED(waitpid(pid, &st, 0));
	t_status("killed", st);
	NEED(limit("g", "rbps=100"));
	pid = slow_reader();
	NEED(put("cgroup.subtree_control", "-io"));
	NEED(waitpid(pid, &st, 0));
	NEED(put("cgroup.subtree_control", "+io"));
	if (!limits_are(""))
		say("a limit stays without the controller");
}

TEST(cgroup_io)
{
	struct stat st;
	int fd;

	guest = cgroup_enter();
	data = mmap(NULL, 2 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (guest) {
		fd = NEED(open("../file", O_RDWR | O_CREAT, 0600));
		memset(data, 'x', 2 * MIB);
		NEED(write(fd, data, 2 * MIB));
		NEED(fsync(fd));
		NEED(fstat(fd, &st));
		close(fd);
		snprintf(disk, sizeof(disk), "%u:%u", major(st.st_dev), minor(st.st_dev));
	}
	GIVES(put("cgroup.subtree_control", "+io +memory"), 0);
	GIVES(mkdir("g", 0755), 0);
	GIVES(mkdir("g/below", 0755), 0);
	GIVES(rmdir("g/below"), 0);
	settings();
	GIVES(mkdir("g/below", 0755), 0);
	rates();
	lifted();
	counts();
	GIVES(rmdir("g/below"), 0);
	if (guest)
		T_WAIT(!rmdir("g"));
	GIVES(put("cgroup.subtree_control", "-io -memory"), 0);
	if (guest)
		NEED(unlink("../file"));
	cgroup_leave();
}
