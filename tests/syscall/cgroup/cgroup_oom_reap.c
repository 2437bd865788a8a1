/* SPDX-License-Identifier: MIT */
/*
 * cgroup_oom_reap: the OOM killer's victim waits, and takes no signal, for a lock whose holder
 * waits for a page. Its memory is taken away, so that others in the group go on. A test may not
 * change the host's groups, so the host's side prints what is expected.
 */
#include "cgroup.h"

#include <linux/userfaultfd.h>
#include <sys/ioctl.h>

#define MIB (1UL << 20)
#define HELD (40 * MIB) /* by the victim; the group has 64 MiB */

static int file, uffd;
static char *watched;

/* Makes a page whose fault waits until the test resolves it. */
static void watch(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	uffd = NEED(syscall(SYS_userfaultfd, O_CLOEXEC));
	NEED(ioctl(uffd, UFFDIO_API, &api));
	watched = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	reg.range.start = (uintptr_t)watched;
	reg.range.len = PAGE;
	NEED(ioctl(uffd, UFFDIO_REGISTER, &reg));
}

static void touch(unsigned long bytes)
{
	char *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (unsigned long i = 0; i < bytes; i += PAGE)
		at[i] = 1;
}

static void *writes(void *unused)
{
	/* It holds the file's lock until the page comes. */
	NEED(write(file, watched, PAGE));
	return NULL;
}

static void victim(int told)
{
	put("/proc/self/oom_score_adj", "1000");
	touch(HELD);
	NEED(write(told, "v", 1));
	ftruncate(file, 0);
}

TEST(cgroup_oom_reap)
{
	struct uffdio_zeropage zero = { .mode = 0 };
	struct uffd_msg asks;
	int status = 0, told[2];
	pthread_t writer;
	pid_t held, other;
	char c;

	guest = cgroup_enter();
	if (!guest) {
		say("the other ends: 0");
		say("the victim is there: 1");
		say("the victim dies: 9");
		return;
	}
	put("cgroup.subtree_control", "+memory");
	NEED(mkdir("g", 0755));
	put("g/memory.max", "64M");
	put("g/memory.swap.max", "0");
	file = NEED(memfd_create("file", 0));
	watch();
	NEED(pipe(told));
	NEED0(pthread_create(&writer, NULL, writes, NULL));
	NEED(read(uffd, &asks, sizeof(asks))); /* the writer waits for the page */
	held = SPAWN({
		put_pid(getpid(), "g/cgroup.procs");
		victim(told[1]);
	});
	NEED(read(told[0], &c, 1));
	t_until(held, 'D');
	other = SPAWN({
		put_pid(getpid(), "g/cgroup.procs");
		touch(HELD);
	});
	NEED(waitpid(other, &status, 0));
	say("the other ends: %d", status);
	say("the victim is there: %d", waitpid(held, &status, WNOHANG) == 0);
	zero.range.start = (uintptr_t)watched;
	zero.range.len = PAGE;
	NEED(ioctl(uffd, UFFDIO_ZEROPAGE, &zero));
	pthread_join(writer, NULL);
	NEED(waitpid(held, &status, 0));
	say("the victim dies: %d", WTERMSIG(status));
	NEED(rmdir("g"));
	cgroup_leave();
}
