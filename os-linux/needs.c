/* SPDX-License-Identifier: MIT */
/*
 * needs.c: host calls that each instance needs, each tried once at the start.
 *
 * Under a filter that refuses one of them an instance would hang, or fail later with a misleading
 * reason. Each call is made so that it changes nothing. Only EPERM, EACCES and ENOSYS count as a
 * refusal. Calls that cannot be tried without an effect are named where they fail (os_refused()).
 */
#include <errno.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "os-linux/internal.h"

#define PAGE 4096

/* True if errno means that the host refuses the call. Records the refusal for os_why(). */
static bool no(const char *call)
{
	if (errno != EPERM && errno != EACCES && errno != ENOSYS)
		return false;
	os_refused(call, errno);
	return true;
}

#define REFUSED(name, ...) (syscall(SYS_##name, __VA_ARGS__) < 0 && no(#name))

static bool lacks_tasks(void)
{
	uint32_t word = 0;
	int pid = getpid(), tid = (int)syscall(SYS_gettid);

	return REFUSED(getpid, 0) || REFUSED(gettid, 0) || REFUSED(getppid, 0) ||
	       REFUSED(tgkill, pid, tid, 0) || REFUSED(kill, pid, 0) ||
	       REFUSED(wait4, -1, NULL, WNOHANG, NULL) ||
	       REFUSED(waitid, P_ALL, 0, NULL, WEXITED | WNOHANG, NULL) ||
	       REFUSED(futex, &word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static bool lacks_signals(void)
{
	uint64_t none = 0, old;
	struct timespec now = { 0 };
	stack_t ss;

	return REFUSED(rt_sigprocmask, SIG_BLOCK, &none, &old, sizeof(none)) ||
	       REFUSED(rt_sigaction, SIGURG, NULL, NULL, sizeof(none)) ||
	       REFUSED(rt_sigtimedwait, &none, NULL, &now, sizeof(none)) ||
	       REFUSED(sigaltstack, NULL, &ss) || REFUSED(prctl, PR_GET_DUMPABLE, 0, 0, 0, 0);
}

static bool lacks_memory(void)
{
	long p = syscall(SYS_mmap, NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool refused;

	if (p == -1)
		return no("mmap");
	refused = REFUSED(mprotect, p, PAGE, PROT_NONE) ||
		  REFUSED(mremap, p, PAGE, PAGE, MREMAP_MAYMOVE, NULL);
	return REFUSED(munmap, p, PAGE) || refused;
}

static bool lacks_files(void)
{
	struct stat st;
	char byte;

	/* newfstatat(2) is what libc's fstat() calls */
	return (fstat(STDIN_FILENO, &st) && no("newfstatat")) ||
	       (host_fstat(STDIN_FILENO, &st) && no("fstat")) ||
	       REFUSED(pwrite64, -1, &byte, 1, 0L) || REFUSED(preadv2, -1, NULL, 0, 0L, 0L, 0) ||
	       REFUSED(pwritev2, -1, NULL, 0, 0L, 0L, 0) ||
	       REFUSED(getrandom, &byte, 1, GRND_NONBLOCK);
}

/* Tries the calls for sockets without having a socket. */
static bool lacks_messages(void)
{
	struct msghdr m = { 0 };
	char byte = 0;

	return REFUSED(sendmsg, -1, &m, 0) || REFUSED(recvmsg, -1, &m, 0) ||
	       REFUSED(sendto, -1, &byte, 1, 0, NULL, 0) ||
	       REFUSED(recvfrom, -1, &byte, 1, 0, NULL, NULL) ||
	       REFUSED(sendmmsg, -1, NULL, 0, 0) || REFUSED(recvmmsg, -1, NULL, 0, 0, NULL);
}

int os_lacks_for_broker(void)
{
	char byte;

	return REFUSED(pread64, -1, &byte, 1, 0L) ||
			       REFUSED(ioctl, -1, SECCOMP_IOCTL_NOTIF_RECV, NULL) ||
			       REFUSED(poll, NULL, 0, 0) ?
		       -errno :
		       0;
}

int os_lacks_call(void)
{
	return lacks_tasks() || lacks_signals() || lacks_memory() || lacks_files() ||
			       lacks_messages() ?
		       -errno :
		       0;
}
