/* SPDX-License-Identifier: MIT */
/*
 * jail.c: restricts `nestctl switch` once its socket, capture and tap devices are open, since it
 * parses frames of guests, and a hostile frame might take it over. The process then has:
 *
 * - its sockets, tap devices, capture and standard error, and no other descriptor but two pipes;
 * - no new privileges, and no capability in any set;
 * - a user number of its own (os-linux/jail/dynamic.c), if root has started it;
 * - by Landlock no name of a file, no TCP, no abstract socket and no signal to other processes;
 * - only the system calls of the table below. Any other one is not made, and ends the switch with a
 *   line that names it. A call of another architecture (32-bit code) kills the process.
 *
 * Clients connect to the socket by its name, which belongs to the user that started the switch.
 * That does not change with the switch's user number.
 *
 * The filter has no check for calls that transfer frames: the host then remembers that they are
 * allowed (os-linux/jail/filter.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os-linux/jail/rows.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/switch/switch.h"

/* clang-format off */
static const struct jail_row rows[] = {
	CHECKED(accept4, "for a port", "clients that come",
		IS(3, SOCK_NONBLOCK | SOCK_CLOEXEC)),
	CHECKED(setsockopt, "size of the buffer", "clients that come",
		IS(1, SOL_SOCKET), IS(2, SO_SNDBUF)),
	CHECKED(mmap, "new memory, never PROT_EXEC", "frames that wait (--delay)",
		NONE_OF(2, PROT_EXEC), MASKED(3, MAP_ANONYMOUS, MAP_ANONYMOUS)),
	CHECKED(mprotect, "never PROT_EXEC", "malloc()", NONE_OF(2, PROT_EXEC)),
	CHECKED(madvise, "memory that is freed", "malloc()", IS(2, MADV_DONTNEED, MADV_FREE)),
	ROW(poll, "waiting; room for a line"),
	ROW(restart_syscall, "waiting, after a stop"),
	ROW(recvmmsg, "frames of clients"),
	ROW(sendmmsg, "frames to clients"),
	ROW(sendmsg, "frames to clients: musl's sendmmsg()"),
	ROW(read, "frames of a tap device; the sweeper's end"),
	ROW(write, "lines; the sweeper"),
	ROW(writev, "frames to a tap device; the capture, lines"),
	ROW(close, "clients that go"),
	ROW(clock_gettime, "--delay, --pcap, on hosts without a vDSO"),
	ROW(gettimeofday, "--pcap, on hosts without a vDSO"),
	ROW(brk, "malloc()"),
	ROW(munmap, "malloc()"),
	ROW(exit_group, "the end"),
};
/* clang-format on */

static void __attribute__((noreturn)) on_other_call(int sig, siginfo_t *info, void *context)
{
	const char *name = jail_call_name(info->si_syscall);
	char number[16], line[160];
	int n;

	(void)sig;
	(void)context;
	snprintf(number, sizeof(number), "%#x", (unsigned int)info->si_syscall);
	n = snprintf(line, sizeof(line),
		"%s: jail: the switch made the call %s, which it never needs: it ends\n",
		program_name, name ? name : number);
	n = (int)write(2, line, (size_t)n);
	sweeper_end();
	_exit(1);
}

/* Installs the filter. Returns 0 or an errno. */
static int filter_calls(void)
{
	static struct sock_filter insn[JAIL_FILTER_MAX];
	const struct jail_calls calls = { rows, sizeof(rows) / sizeof(rows[0]), 0 };
	const struct jail_numbers none = { 0 };
	const struct sigaction sa = { .sa_sigaction = on_other_call, .sa_flags = SA_SIGINFO };
	struct sock_fprog prog = { .filter = insn };
	int n = jail_filter(insn, &calls, &none, SECCOMP_RET_TRAP);

	if (n < 0)
		return -n;
	prog.len = (unsigned short)n;
	sigaction(SIGSYS, &sa, NULL);
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) ? errno : 0;
}

/* Restricts files and TCP by Landlock. Hosts without it rely on the filter. */
static void restrict_names(void)
{
	int rules = rights_rules((struct rights){
		RIGHTS_FILES, RIGHTS_NET, RIGHTS_SCOPED_ABSTRACT | RIGHTS_SCOPED_SIGNAL });

	if (rules < 0)
		return;
	syscall(SYS_landlock_restrict_self, rules, 0);
	close(rules);
}

/*
 * Becomes the user @id, unless that is 0. Stays the caller's where the host refuses, as in a user
 * namespace without this number.
 */
static void become(uint32_t id)
{
	int death = 0;

	if (!id)
		return;
	/* each change clears the parent-death signal */
	prctl(PR_GET_PDEATHSIG, &death);
	if (!setgroups(0, NULL) && !setresgid(id, id, id))
		(void)!setresuid(id, id, id);
	if (death)
		prctl(PR_SET_PDEATHSIG, death);
}

void jail_enter(const char *path, int *kept, size_t n)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), err;
	uint32_t id = 0;

	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
		die("/dev/null: %s", strerror(errno));
	close_others(kept, n);
	gain_no_rights();
	if (geteuid() || dynamic_take(&id))
		id = 0;
	sweeper_start(path, kept, n);
	dynamic_started();
	restrict_names();
	rights_bound(0);
	become(id);
	rights_keep(0);
	err = filter_calls();
	if (err)
		warn("the switch runs without a filter of system calls: %s", strerror(err));
}
