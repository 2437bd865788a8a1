/* SPDX-License-Identifier: MIT */
/*
 * zygote.c: the process that all spaces are forked from. Freestanding: no libc, TLS, rseq, robust
 * list or tid pointer, so that a fork has nothing to undo.
 *
 * It answers requests (stub_abi.h: ZYG_*) on a socket until the kernel closes its end. It is the
 * parent of every mapper and runner and reaps them on request, so that no pid is reused while the
 * kernel knows it. When the kernel ends, the zygote puts guarded terminals back and ends too; its
 * death takes all spaces along (PR_SET_PDEATHSIG).
 *
 * The kernel controls only what a space maps and when it ends: the requests are fixed, the zygote
 * checks their arguments, and after the set-up the filter (skas/filter.c) admits the calls that
 * these requests need. So a kernel that a guest has taken over can make the zygote do no other
 * call, and create no process but spaces.
 *
 * How numbers that the kernel sends are limited:
 *    descriptors   ZYG_FD takes the numbers of regions and guards alone
 *    memory        mapped only during the set-up, except the order area, which lies in the window
 *    processes     wait4 of a child, by its pid
 */
#include <stdint.h>
#include <asm/ioctls.h>
#include <asm/prctl.h>
#include <asm/signal.h>
#include <asm/termbits.h>
#include <asm/unistd.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/resource.h>
#include <linux/socket.h>
#include <linux/uio.h>
#include <linux/wait.h>
#include "skas/stub_abi.h"

extern char stub_text[], stub_filters[], h_all[], mapper_start[];
void zygote_main(void);
void zygote_orphan(void);

struct kernel_sigaction {
	uint64_t handler, flags, restorer, mask;
};
#define KSA_RESTORER 0x04000000

struct kernel_msghdr {
	void *name;
	int namelen;
	struct iovec *iov;
	uint64_t iovlen;
	void *control;
	uint64_t controllen;
	unsigned flags;
};
struct fd_control {
	uint64_t len;
	int level, type, fd, second;
};
/* len of struct fd_control with both descriptors */
#define TWO_FDS 24
#define SCM_RIGHTS 1
#define MREMAP_MAYMOVE 1
#define MREMAP_FIXED 2
#define SECCOMP_SET_MODE_FILTER 1
#define SECCOMP_FILTER_FLAG_SPEC_ALLOW 4

#define EPERM 1
#define EBADF 9
#define EINVAL 22
#define ENOSYS 38

static struct {
	/* true: descriptor ZFD_GUARD + index is a terminal, which termios restores */
	int on;
	unsigned char termios[48];
} guards[NR_GUARDS];
static int zpid;
static int sealed;
char zygote_stack[16384] __attribute__((aligned(64)));

static inline long call(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}
#define call1(nr, a) call(nr, (long)(a), 0, 0, 0, 0, 0)
#define call2(nr, a, b) call(nr, (long)(a), (long)(b), 0, 0, 0, 0)
#define call4(nr, a, b, c, d) call(nr, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

__attribute__((noreturn)) static void leave(int status)
{
	for (;;)
		call1(__NR_exit_group, status);
}

/*
 * Called when the kernel has ended: restores the terminals and ends. SIGTTOU is ignored, so the
 * ioctl works from the background too.
 */
__attribute__((noreturn)) void zygote_orphan(void)
{
	for (int i = 0; i < NR_GUARDS; i++)
		if (guards[i].on)
			call4(__NR_ioctl, ZFD_GUARD + i, TCSETS2, guards[i].termios, 0);
	leave(0);
}

static void handle(int sig, uint64_t handler, uint64_t flags)
{
	struct kernel_sigaction sa = { handler, flags | KSA_RESTORER, 0, 0 };

	call4(__NR_rt_sigaction, sig, &sa, 0, 8);
}

/*
 * Sets the signal state that spaces inherit: the handlers of runners. Signals of the terminal and
 * of shutdown are ignored.
 */
static void set_signals(void)
{
	static const unsigned char runner[] = { SIGSYS, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP,
		SIG_KICK };
	static const unsigned char ignored[] = { SIGINT, SIGQUIT, SIGHUP, SIGTERM, SIGTTIN, SIGTTOU,
		SIGPIPE };
	uint64_t none = 0;

	for (unsigned i = 0; i < sizeof(runner); i++)
		handle(runner[i], (uint64_t)h_all, SA_SIGINFO | SA_ONSTACK | SA_NODEFER);
	for (unsigned i = 0; i < sizeof(ignored); i++)
		handle(ignored[i], (uint64_t)SIG_IGN, 0);
	handle(SIGCHLD, (uint64_t)SIG_DFL, 0);
	handle(SIG_ORPHAN, (uint64_t)zygote_orphan, 0);
	call4(__NR_rt_sigprocmask, SIG_SETMASK, &none, 0, 8);
}

/*
 * Becomes a mapper: maps the order area and leaves this code. The zygote's own descriptors are
 * closed: the socket, terminals.
 */
__attribute__((noreturn)) static void become_mapper(long file_offset, long size)
{
	char *orders = stub_text + STUB_ORDERS;

	call1(__NR_close, ZFD_SOCKET);
	for (int i = 0; i < NR_GUARDS; i++)
		if (guards[i].on)
			call1(__NR_close, ZFD_GUARD + i);
	handle(SIG_ORPHAN, (uint64_t)SIG_DFL, 0);
	call2(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL);
	if (call1(__NR_getppid, 0) != zpid)
		leave(ZEXIT_ORPHAN);
	if (call(__NR_mmap, (long)orders, size, PROT_READ, MAP_SHARED | MAP_FIXED | MAP_POPULATE,
		    ZFD_CTL, file_offset) != (long)orders)
		leave(ZEXIT_ORDERS);
	__asm__ volatile("jmp mapper_start");
	__builtin_unreachable();
}

/* Forks a mapper for the order area of @size bytes at @file_offset. Returns its pid or -errno. */
static long fork_space(long file_offset, long size)
{
	long pid;

	if (size <= 0 || size > STUB_VDSO - STUB_ORDERS || file_offset < 0)
		return -EINVAL;
	pid = call4(__NR_pwrite64, ZFD_CTL, &zpid, sizeof(zpid), file_offset + O_ZPID);
	if (pid != sizeof(zpid))
		return pid;
	pid = call2(__NR_clone, SIGCHLD, 0);
	if (!pid)
		become_mapper(file_offset, size);
	return pid;
}

/*
 * Waits until child @pid is dead, and reaps it. Returns its wait status or -errno. __WALL is needed
 * in ptrace mode, where the kernel has seen the task die first.
 */
static long reap(long pid)
{
	int status = 0;
	long r;

	if (pid <= 0 || pid != (int)pid)
		return -EINVAL; /* pid 0 or less means any child */
	r = call4(__NR_wait4, pid, &status, __WALL, 0);
	return r < 0 ? r : status;
}

/* True if ZYG_FD may install @fd: the number of a region other than 0, or of a guard. */
static int may_place(long fd)
{
	return (fd > ZFD_REGION && fd < ZFD_REGION + MAX_REGIONS) ||
	       (fd >= ZFD_GUARD && fd < ZFD_GUARD + NR_GUARDS);
}

/* Moves descriptor @received to the number @wanted, or closes it. Returns 0 or -errno. */
static long take_fd(int received, long wanted)
{
	long r = -EINVAL;

	if (received < 0)
		return -EBADF;
	if (may_place(wanted))
		r = received == wanted ? wanted : call4(__NR_dup3, received, wanted, 0, 0);
	if (received != wanted)
		call1(__NR_close, received);
	return r < 0 ? r : 0;
}

static long guard(long slot, long on, const unsigned char *termios)
{
	if (slot < 0 || slot >= NR_GUARDS)
		return -EINVAL;
	for (unsigned i = 0; i < sizeof(guards[slot].termios); i++)
		guards[slot].termios[i] = termios[i];
	if (guards[slot].on && !on)
		call1(__NR_close, ZFD_GUARD + slot);
	guards[slot].on = on != 0;
	return 0;
}

static long set_tsc(long mode)
{
	if (mode != PR_TSC_ENABLE && mode != PR_TSC_SIGSEGV)
		return -EINVAL;
	return call2(__NR_prctl, PR_SET_TSC, mode);
}

/*
 * Seals the zygote: installs the filter that its children inherit, and refuses set-up requests from
 * now on.
 */
static long seal(long filter)
{
	long r = 0;

	if (filter)
		r = call4(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW,
			stub_filters, 0);
	sealed = !r;
	return r;
}

static long set_up(const struct zyg_msg *m)
{
	const int64_t *a = m->a;

	if (sealed)
		return -EPERM;
	switch (m->cmd) {
	case ZYG_HELLO: return zpid;
	case ZYG_TSC: return set_tsc(a[0]);
	case ZYG_MOVE:
		return call(__NR_mremap, a[0], a[1], a[1], MREMAP_MAYMOVE | MREMAP_FIXED, a[2], 0);
	case ZYG_UNMAP: return call2(__NR_munmap, a[0], a[1]);
	case ZYG_WORDS:
		return call(
			__NR_mmap, a[0], a[1], PROT_READ, MAP_SHARED | MAP_FIXED, ZFD_CTL, a[2]);
	case ZYG_SEAL: return seal(a[0]);
	}
	return -ENOSYS;
}

static long serve(struct zyg_msg *m, int received)
{
	if (m->cmd == ZYG_FD)
		return take_fd(received, m->a[0]);
	if (received >= 0)
		call1(__NR_close, received);
	switch (m->cmd) {
	case ZYG_FORK: return fork_space(m->a[0], m->a[1]);
	case ZYG_REAP: return reap(m->a[0]);
	case ZYG_GUARD: return guard(m->a[0], m->a[1], m->data);
	}
	return set_up(m);
}

static long receive(struct zyg_msg *m, int *fd)
{
	struct iovec iov = { m, sizeof(*m) };
	/* The padding leaves room for a second descriptor. The host discards further ones. */
	struct fd_control control = { .fd = -1 };
	struct kernel_msghdr msg = {
		.iov = &iov, .iovlen = 1, .control = &control, .controllen = sizeof(control)
	};
	long r;

	do
		r = call4(__NR_recvmsg, ZFD_SOCKET, &msg, 0, 0);
	while (r == -4); /* EINTR */
	*fd = -1;
	if (msg.controllen && control.type == SCM_RIGHTS) {
		*fd = control.fd;
		if (control.len == TWO_FDS)
			call1(__NR_close, control.second);
	}
	return r;
}

void zygote_main(void)
{
	/* exec of a memfd names the process after a descriptor number */
	static const char name[] = "nestling-space";
	struct rlimit no_core = { 0, 0 };
	struct zyg_msg m;
	long r;
	int fd;

	set_signals();
	zpid = (int)call1(__NR_getpid, 0);
	call2(__NR_prctl, PR_SET_PDEATHSIG, SIG_ORPHAN);
	call2(__NR_prctl, PR_SET_NAME, name);
	call(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0);
	call2(__NR_setrlimit, RLIMIT_CORE, &no_core);
	call2(__NR_arch_prctl, ARCH_SET_GS,
		/*
		 * in a nested instance this ends the lending of gs base, which would disturb
		 * fsgsbase_works()
		 */
		0);
	for (;;) {
		r = receive(&m, &fd);
		if (r <= 0)
			zygote_orphan();
		if (r != sizeof(m))
			leave(ZEXIT_REQUEST);
		r = serve(&m, fd);
		call(__NR_sendto, ZFD_SOCKET, (long)&r, sizeof(r), 0, 0, 0);
	}
}

__asm__(".globl _start\n"
	"_start:\n"
	"	lea zygote_stack+16384(%rip), %rsp\n"
	"	xor %ebp, %ebp\n"
	"	call zygote_main\n"
	"	ud2\n");
