/* SPDX-License-Identifier: MIT */
/*
 * jail.c: the rights that the kernel process gives up, so that a guest that has taken it over has
 * less to gain. docs/security.md has the walls and what is behind them.
 *
 * At its start the process gives up what no part of it ever needs: programs that it executes gain
 * no rights (no_new_privs), capabilities that are in never_needed[] leave all its sets and the
 * bounding set, and it leaves no core unless core=on asks for one. Threads and children inherit
 * all three, and so does the program when it executes itself again to reboot.
 *
 * Capabilities that are left are those of an instance that root started: files of other users for
 * hostfs and disks, tap devices, ports below 1024, priorities.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os-linux/internal.h"
#include "os-linux/jail.h"

static const cap_value_t never_needed[] = { CAP_AUDIT_CONTROL, CAP_AUDIT_READ, CAP_AUDIT_WRITE,
	CAP_BLOCK_SUSPEND, CAP_BPF, CAP_CHECKPOINT_RESTORE, CAP_IPC_OWNER, CAP_MAC_ADMIN,
	CAP_MAC_OVERRIDE, CAP_NET_BROADCAST, CAP_SYSLOG, CAP_SYS_BOOT, CAP_SYS_MODULE,
	CAP_SYS_PACCT, CAP_SYS_RAWIO, CAP_SYS_TIME, CAP_WAKE_ALARM,
	/* last: it is needed for dropping the others from the bounding set */
	CAP_SETPCAP };
#define LOG_WAIT_MS 10000
#define NEVER_NEEDED ((int)(sizeof(never_needed) / sizeof(never_needed[0])))

/*
 * Hosts that do not know a capability refuse to drop it, and without CAP_SETPCAP the bounding set
 * cannot be changed: no_new_privs keeps what is in it from becoming a right.
 */
static void drop_capabilities(void)
{
	cap_t caps = cap_get_proc();

	for (int i = 0; i < NEVER_NEEDED; i++)
		cap_drop_bound(never_needed[i]);
	if (!caps)
		return;
	/* The host takes from the ambient set what leaves the two others. */
	for (int i = 0; i < NEVER_NEEDED; i++) {
		cap_set_flag(caps, CAP_EFFECTIVE, 1, &never_needed[i], CAP_CLEAR);
		cap_set_flag(caps, CAP_PERMITTED, 1, &never_needed[i], CAP_CLEAR);
		cap_set_flag(caps, CAP_INHERITABLE, 1, &never_needed[i], CAP_CLEAR);
	}
	cap_set_proc(caps);
	cap_free(caps);
}

/* Keeps the hard limit: core=on raises the soft one to it when there is something to write. */
static void leave_no_core(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_CORE, &rl))
		return;
	rl.rlim_cur = 0;
	setrlimit(RLIMIT_CORE, &rl);
}

void os_jail_begin(void)
{
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	drop_capabilities();
	leave_no_core();
}

/* ---- the filter ---- */

/*
 * Installs the filter in all threads, and in those that they start. Returns its listener or -errno.
 */
static int install(void)
{
	static struct sock_filter insn[JAIL_FILTER_MAX];
	int n = jail_filter(insn, (uint32_t)getpid(), SECCOMP_RET_USER_NOTIF);
	struct sock_fprog prog = { .len = (uint16_t)n, .filter = insn };
	long r;

	if (n < 0)
		return n;
	r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC |
			SECCOMP_FILTER_FLAG_TSYNC_ESRCH,
		&prog);
	return r < 0 ? os_refused("seccomp", errno) : (int)r;
}

int os_jail_log(void)
{
	int *number = jail_log_start(), listener;

	if (!number)
		return os_refused("clone", errno);
	listener = install();
	__atomic_store_n(number, listener < 0 ? -1 : listener, __ATOMIC_RELEASE);
	if (listener < 0)
		return listener;
	for (int ms = 0; __atomic_load_n(number, __ATOMIC_ACQUIRE); ms++) {
		if (ms == LOG_WAIT_MS)
			return os_refused("clone", ESRCH);
		usleep(1000);
	}
	close(listener);
	return 0;
}

int os_jail_line(unsigned n, char *buf, size_t size)
{
	const struct jail_row *r = &jail_table[n];

	if (n >= jail_rows)
		return 0;
	snprintf(buf, size, "%-7s %-18s %-28s %s\n", r->action == JAIL_ALLOW ? "allow" : "absent",
		r->name, r->rule, r->why);
	return 1;
}
