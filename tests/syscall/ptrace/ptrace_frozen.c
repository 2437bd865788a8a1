/* SPDX-License-Identifier: MIT */
/*
 * ptrace_frozen: a tracee that is killed while a request of its tracer is served stays stopped
 * until the request is done. A page of a userfaultfd delays the request. The host may forbid that:
 * then its side prints what is expected.
 */
#include "t.h"
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>

static pid_t tracee;
static void *page;

static void *tracer(void *arg)
{
	NEED(ptrace(PTRACE_SEIZE, tracee, NULL, NULL));
	NEED(ptrace(PTRACE_INTERRUPT, tracee, NULL, NULL));
	NEED(waitpid(tracee, NULL, __WALL));
	T(ptrace(PTRACE_GETREGS, tracee, NULL, page));
	T(ptrace(PTRACE_GETREGS, tracee, NULL, page)); /* it has been let go */
	t_wait("tracee", tracee);
	return NULL;
}

/* Kills and reaps other processes: by then the tracee would have died, too. */
static void kill_others(void)
{
	for (int i = 0; i < 3; i++) {
		pid_t pid = SPAWN(for (;;) pause());

		t_kill(pid);
	}
}

static void held_back(int fd)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register r = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_zeropage zero = { 0 };
	struct uffd_msg msg;
	pthread_t t;

	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	r.range.start = zero.range.start = (uintptr_t)page;
	r.range.len = zero.range.len = PAGE;
	tracee = SPAWN(for (;;) pause());
	NEED(ioctl(fd, UFFDIO_API, &api));
	NEED(ioctl(fd, UFFDIO_REGISTER, &r));
	NEED0(pthread_create(&t, NULL, tracer, NULL));
	NEED(read(fd, &msg, sizeof(msg)));
	NEED(kill(tracee, SIGKILL));
	kill_others();
	say("it stands: %d", t_state(tracee) == 't');
	NEED(ioctl(fd, UFFDIO_ZEROPAGE, &zero));
	pthread_join(t, NULL);
}

TEST(ptrace_frozen)
{
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd >= 0)
		return held_back(fd);
	say("it stands: 1");
	say("ptrace(PTRACE_GETREGS, tracee, NULL, page) = 0");
	say("ptrace(PTRACE_GETREGS, tracee, NULL, page) = -1 ESRCH");
	say("tracee: killed by SIGKILL");
}
