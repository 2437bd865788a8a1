/* SPDX-License-Identifier: MIT */
/*
 * uring_waitid: io_uring: WAITID; events of direct reads for a watcher of the file; memory that
 * cannot be registered.
 */
#include "uring.h"
#include "recorded.h"
#include <sys/inotify.h>

#define OP_WAITID 50

static const char expected[] =
#include "uring_waitid.inc"
	;

static siginfo_t info;

static struct io_uring_sqe *wait_add(int which, int id, int options, void *to, unsigned data)
{
	struct io_uring_sqe *s = add(OP_WAITID, id, NULL, (unsigned)which, 0, data);

	s->addr2 = (uintptr_t)to;
	s->file_index = (unsigned)options;
	memset(&info, 0, sizeof(info));
	return s;
}

static void told(const char *what, pid_t child)
{
	say("%s: signal %d code %d status %d, the child %d", what, info.si_signo, info.si_code,
		info.si_status, child && info.si_pid == child);
}

/* Starts a child that exits with 7, at once or when a byte is written to the gate. */
static int gate[2];
static pid_t child(bool waits)
{
	pid_t pid = fork();
	char c;

	if (pid)
		return pid;
	if (waits)
		read(gate[0], &c, 1);
	_exit(7);
}

static void basics(void)
{
	pid_t pid = child(true), other;

	wait_add(P_PID, pid, WEXITED, &info, 1);
	go("not yet", 0);
	NEED(write(gate[1], "x", 1));
	go("ends", 1);
	told("ends", pid);
	T(waitpid(pid, NULL, WNOHANG));

	pid = child(false);
	t_until(pid, 'Z');
	wait_add(P_PID, pid, WEXITED | WNOWAIT, &info, 1);
	go("is dead, stays", 1);
	told("is dead, stays", pid);
	wait_add(P_ALL, 0, WEXITED, &info, 2);
	go("any", 1);
	told("any", pid);
	wait_add(P_ALL, 0, WEXITED, &info, 3);
	go("nobody", 1);
	told("nobody", 0);

	pid = child(true);
	wait_add(P_PID, pid, WEXITED | WNOHANG, &info, 4);
	go("does not wait", 1);
	told("does not wait", 0);
	wait_add(P_PID, pid, WSTOPPED | WCONTINUED, &info, 5);
	go("to stop", 0);
	kill(pid, SIGSTOP);
	go("stops", 1);
	told("stops", pid);
	wait_add(P_PID, pid, WCONTINUED, &info, 6);
	go("to go on", 0);
	kill(pid, SIGCONT);
	go("goes on", 1);
	told("goes on", pid);

	other = child(true);
	wait_add(P_PID, pid, WEXITED, &info, 7); /* the other's end is none of its business */
	go("one of two", 0);
	t_kill(other);
	usleep(50000);
	say("ready: %u", ready());
	kill(pid, SIGKILL);
	go("one of two", 1);
	told("one of two", pid);
}

/*
 * Prints only WAITID's completion of two: the canceller's result is the number of cancelled
 * requests.
 */
static void reap_waits(const char *what)
{
	for (unsigned n = ready(); n; n--) {
		struct io_uring_cqe *c = &cqes[*cq_head & (p.cq_entries - 1)];

		if (c->user_data & 1)
			say("%s: %s", what, t_errno(-c->res));
		__atomic_store_n(cq_head, *cq_head + 1, __ATOMIC_RELEASE);
	}
}

static void odd(void)
{
	struct __kernel_timespec limit = { 0, 50000000 };
	pid_t pid = child(true);

	wait_add(P_PID, pid, WEXITED, &info, 1);
	go("to be cancelled", 0);
	add(IORING_OP_ASYNC_CANCEL, -1, (void *)1, 0, 0, 2);
	T(enter(1, 2, IORING_ENTER_GETEVENTS));
	reap_waits("cancelled");
	wait_add(P_PID, pid, WEXITED, &info, 3)->flags = IOSQE_IO_LINK;
	add(IORING_OP_LINK_TIMEOUT, -1, &limit, 1, 0, 4);
	T(enter(2, 2, IORING_ENTER_GETEVENTS));
	reap_waits("limited");
	wait_add(P_PID, pid, 0, &info, 5);
	go("no options", 1);
	wait_add(P_PID, pid, 1 << 20, &info, 5);
	go("unknown option", 1);
	wait_add(9, pid, WEXITED, &info, 5);
	go("unknown kind", 1);
	wait_add(P_PID, -1, WEXITED, &info, 5);
	go("negative", 1);
	wait_add(P_PIDFD, 999, WEXITED, &info, 5);
	go("no descriptor", 1);
	wait_add(P_PID, pid, WEXITED, &info, 5)->rw_flags = 1;
	go("flags", 1);
	wait_add(P_PID, pid, WEXITED, &info, 5)->addr = 1;
	go("address", 1);
	wait_add(P_PID, pid, WEXITED, &info, 5)->addr3 = 1;
	go("third address", 1);
	wait_add(P_PID, pid, WEXITED, (void *)0x1234, 6);
	kill(pid, SIGKILL);
	go("nowhere to tell", 1);
	pid = child(false);
	wait_add(P_PID, pid, WEXITED, NULL, 7);
	go("nobody asked", 1);
	while (waitpid(-1, NULL, 0) > 0)
		;
}

/* ---- others ---- */

static void direct(void)
{
	struct {
		struct inotify_event e;
		char name[64];
	} ev = { 0 };
	int fd = NEED(open("direct", O_RDWR | O_CREAT | O_DIRECT, 0600)), in = NEED(inotify_init());
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	NEED(inotify_add_watch(in, "direct", IN_ACCESS | IN_MODIFY));
	add(IORING_OP_WRITE, fd, page, 4096, 0, 1);
	go("written", 1);
	T(read(in, &ev, sizeof(ev)) > 0);
	say("%x", ev.e.mask);
	add(IORING_OP_READ, fd, page, 4096, 0, 1);
	go("read", 1);
	T(read(in, &ev, sizeof(ev)) > 0);
	say("%x", ev.e.mask);
	munmap(page, 4096);
	close(in);
	close(fd);
}

static void memory(const char *what, int flags, int fd)
{
	char *at = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, flags, fd, 0);
	struct iovec v = { at, 3 * 4096 };

	NEED(at == MAP_FAILED ? -1 : 0);
	say("%s", what);
	if (T(reg(IORING_REGISTER_BUFFERS, &v, 1)) == 0)
		NEED(reg(IORING_UNREGISTER_BUFFERS, NULL, 0));
	munmap(at + 4096, 4096);
	T(reg(IORING_REGISTER_BUFFERS, &v, 1));
	munmap(at, 3 * 4096);
}

static void memories(void)
{
	int file = NEED(open("mapped", O_RDWR | O_CREAT, 0600)), mem = NEED(memfd_create("m", 0));

	NEED(ftruncate(file, 3 * 4096));
	NEED(ftruncate(mem, 3 * 4096));
	memory("anonymous", MAP_PRIVATE | MAP_ANONYMOUS, -1);
	memory("shared", MAP_SHARED | MAP_ANONYMOUS, -1);
	memory("of memory", MAP_SHARED, mem);
	memory("of a disk, private", MAP_PRIVATE, file);
	close(file);
	close(mem);
}

TEST(uring_waitid)
{
	if (refused())
		RECORDED(expected);
	alarm(200);
	NEED(pipe(gate));
	for (int i = 0; i < 2; i++) {
		open_ring(8, i ? IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN : 0, 0);
		basics();
		odd();
		close_ring();
	}
	open_ring(8, 0, 0);
	direct();
	memories();
	close_ring();
}
