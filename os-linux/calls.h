/* SPDX-License-Identifier: MIT */
/*
 * calls.h: the host's calls in the form that a jail admits, for host-world files. A jail admits one
 * call of each family (jail/table.c): preadv2(2), pwritev2(2) and fstat(2) for files, with HERE as
 * the offset of a file without positions (a socket, a terminal); recvmmsg(2) for sockets;
 * waitid(2), tgkill(2), poll(2). The functions here have libc's arguments and results and set
 * errno. They are callable from any thread, and also between vfork and exec.
 *
 * Sockets are written to with the calls for files: a call that takes an address would let a kernel
 * that a guest has taken over send to any socket of the user. So sockets are connected. O_NONBLOCK
 * (host_no_wait()) replaces MSG_DONTWAIT, and SIGPIPE is ignored. sendmmsg(2) is admitted
 * only for the few descriptor numbers of sockets that ignore addresses (os_packet_socket()).
 */
#ifndef NESTLING_OS_CALLS_H
#define NESTLING_OS_CALLS_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define HERE (-1)

static inline ssize_t host_pread(int fd, void *buf, size_t n, off_t at)
{
	struct iovec iov = { buf, n };

	return preadv2(fd, &iov, 1, at, 0);
}

static inline ssize_t host_pwrite(int fd, const void *buf, size_t n, off_t at)
{
	struct iovec iov = { (void *)buf, n };

	return pwritev2(fd, &iov, 1, at, 0);
}

static inline ssize_t host_recvmsg(int fd, struct msghdr *m, int flags)
{
	struct mmsghdr one = { .msg_hdr = *m };
	int n = recvmmsg(fd, &one, 1, flags, NULL);

	*m = one.msg_hdr;
	return n == 1 ? (ssize_t)one.msg_len : -1;
}

static inline ssize_t host_sendmsg(int fd, const struct msghdr *m, int flags)
{
	struct mmsghdr one = { .msg_hdr = *m };

	return sendmmsg(fd, &one, 1, flags) == 1 ? (ssize_t)one.msg_len : -1;
}

static inline ssize_t host_recv(int fd, void *buf, size_t n, int flags)
{
	struct iovec iov = { buf, n };

	return host_recvmsg(fd, &(struct msghdr){ .msg_iov = &iov, .msg_iovlen = 1 }, flags);
}

/*
 * Calls fstat(2) itself. libc's fstat() is newfstatat(2) with an empty path, for which a jailed
 * process would ask its broker. Returns 0, or -1 with errno.
 */
static inline int host_fstat(int fd, struct stat *st)
{
	return (int)syscall(SYS_fstat, fd, st);
}

/* Makes reads and writes of a descriptor non-blocking. Returns a value >= 0, or -1 with errno. */
static inline int host_no_wait(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

/*
 * Kills process @pid, which must not be reaped yet: SIGKILL to its first thread ends all threads.
 */
static inline void host_kill(int pid)
{
	syscall(SYS_tgkill, pid, pid, SIGKILL);
}

/*
 * Blocks until the end of child @pid and reaps it. Returns its status in the form of wait(2), or 0
 * if there is no such child.
 */
static inline int host_reap(int pid)
{
	siginfo_t si = { 0 };

	while (waitid(P_PID, (id_t)pid, &si, WEXITED))
		if (errno != EINTR)
			return 0;
	return si.si_code == CLD_EXITED ? (si.si_status & 0xff) << 8 : si.si_status & 0x7f;
}

/* Sleeps for @ms milliseconds, less if a signal arrives. */
static inline void host_pause(int ms)
{
	poll(NULL, 0, ms);
}

#endif
