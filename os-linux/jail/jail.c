/* SPDX-License-Identifier: MIT */
/*
 * jail.c: the rights that the kernel process gives up, so that a guest that has taken it over gains
 * less. docs/security.md describes the walls and what each protects.
 *
 *      os_jail_begin()     at the start: gives up rights that are never needed
 *      drivers             open disks, cards, consoles; record grants for later requests
 *      os_jail_close()     before the guest's first instruction: gives up the rest (jail=on)
 *
 * At its start the process gives up rights that it never needs: programs that it executes gain no
 * rights (no_new_privs), capabilities that are in never_needed[] leave all its sets and the
 * bounding set, and it dumps no core unless core=on is given. Threads and children inherit all
 * three, and so does the program when it executes itself again to reboot.
 *
 * Only an instance started by root has capabilities left: for files of other users (hostfs and
 * disks), tap devices, ports below 1024, priorities.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os-linux/internal.h"
#include "os-linux/jail/broker.h"
#include "os-linux/jail/jail.h"

static const cap_value_t never_needed[] = { CAP_AUDIT_CONTROL, CAP_AUDIT_READ, CAP_AUDIT_WRITE,
	CAP_BLOCK_SUSPEND, CAP_BPF, CAP_CHECKPOINT_RESTORE, CAP_IPC_OWNER, CAP_MAC_ADMIN,
	CAP_MAC_OVERRIDE, CAP_NET_BROADCAST, CAP_SYSLOG, CAP_SYS_BOOT, CAP_SYS_MODULE,
	CAP_SYS_PACCT, CAP_SYS_RAWIO, CAP_SYS_TIME, CAP_WAKE_ALARM,
	/* last, since dropping the others from the bounding set needs it */
	CAP_SETPCAP };
#define LOG_WAIT_MS 10000
#define NEVER_NEEDED ((int)(sizeof(never_needed) / sizeof(never_needed[0])))

/*
 * Drops the first @n capabilities of never_needed[]. Hosts refuse those that they do not know.
 * Without CAP_SETPCAP the bounding set cannot be changed; then no_new_privs keeps the capabilities
 * of the bounding set out of reach.
 */
static void drop_capabilities(int n)
{
	cap_t caps = cap_get_proc();

	for (int i = 0; i < n; i++)
		cap_drop_bound(never_needed[i]);
	if (!caps)
		return;
	/* what leaves the permitted or inheritable set leaves the ambient set, too */
	for (int i = 0; i < n; i++) {
		cap_set_flag(caps, CAP_EFFECTIVE, 1, &never_needed[i], CAP_CLEAR);
		cap_set_flag(caps, CAP_PERMITTED, 1, &never_needed[i], CAP_CLEAR);
		cap_set_flag(caps, CAP_INHERITABLE, 1, &never_needed[i], CAP_CLEAR);
	}
	cap_set_proc(caps);
	cap_free(caps);
}

/*
 * Disables cores by the soft limit. The hard limit stays: with core=on the soft limit is raised to
 * it when a core is to be written.
 */
static void leave_no_core(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_CORE, &rl))
		return;
	rl.rlim_cur = 0;
	setrlimit(RLIMIT_CORE, &rl);
}

/* The socket to the broker, or -1: there is none. */
static int broker_sock = -1;
static bool closed, may_trace;

/*
 * True if there may be a jail. A restore counts as if it asked for a jail, since the command line
 * of the state is not known yet.
 */
static bool may_be_jailed(char **argv)
{
	bool wanted = true;

	for (int i = 1; argv[i - 1] && argv[i] && strcmp(argv[i], "--"); i++) {
		if (!strncmp(argv[i], "jail=", 5))
			wanted = !strcmp(argv[i] + 5, "on");
		else if (!strncmp(argv[i], "restore=", 8))
			return true;
	}
	return wanted;
}

/* ---- what the host can do ---- */

/*
 * Before Linux 5.16 a filter also makes the CPU wait for the address of each store before it loads
 * (against Spectre 4), unless SECCOMP_FILTER_FLAG_SPEC_ALLOW is set. The process needs no such
 * protection, since it runs no foreign code.
 */
#define FILTER_FLAGS                                                                               \
	(SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC |                            \
		SECCOMP_FILTER_FLAG_TSYNC_ESRCH | SECCOMP_FILTER_FLAG_SPEC_ALLOW)

/* Why this host cannot jail the process, or "". */
static char obstacle[160];

static long set_filter(const struct sock_fprog *prog)
{
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, FILTER_FLAGS, prog);
}

/*
 * Tries a filter with a listener. A container's filter may already have a listener, and a process
 * has at most one, so a child tries. Returns 0 or an errno > 0.
 */
static int try_listener(void)
{
	struct sock_filter allow = { BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW };
	struct sock_fprog prog = { .len = 1, .filter = &allow };
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return errno;
	if (!pid)
		_exit(set_filter(&prog) < 0 ? errno : 0);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

static void look_for_obstacle(void)
{
	int err;

	/*
	 * The host checks the flags before it reads the filter, which is missing: EFAULT means that
	 * it knows the flags.
	 */
	set_filter(NULL);
	err = errno == EFAULT ? 0 : errno;
	if (err == ENOSYS || err == EINVAL) {
		snprintf(obstacle, sizeof(obstacle),
			"the host has no listeners of seccomp for all threads (Linux 5.7 has)");
		return;
	}
	if (!err && prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == SECCOMP_MODE_FILTER) {
		err = -os_lacks_for_broker();
		if (err) {
			snprintf(obstacle, sizeof(obstacle), "%s", os_why(-err));
			return;
		}
		err = try_listener();
	}
	if (err == EBUSY)
		snprintf(obstacle, sizeof(obstacle),
			"a filter that this process has inherited has a listener already");
	else if (err)
		snprintf(obstacle, sizeof(obstacle), "%s", os_why(os_refused("seccomp", err)));
}

const char *os_jail_obstacle(void)
{
	return *obstacle ? obstacle : NULL;
}

int os_jail_begin(char **argv)
{
	bool jail = may_be_jailed(argv);

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (jail)
		look_for_obstacle();
	jail = jail && !*obstacle;
	leave_no_core();
	/*
	 * before the broker, which starts helpers as that user, and before Landlock forbids mounts
	 */
	user_begin(argv, jail);
	if (jail) {
		broker_sock = broker_start();
		dynamic_started();
		if (broker_sock < 0)
			return broker_sock;
		broker_sock = os_packet_socket(broker_sock);
		jail_scope(folders_begin(argv));
	}
	/* os_jail_close() empties the bounding set of each thread, which needs CAP_SETPCAP */
	drop_capabilities(jail ? NEVER_NEEDED - 1 : NEVER_NEEDED);
	return 0;
}

/* ---- grants that drivers record before the close ---- */

#define HOOKS_MAX 16
static void (*hooks[HOOKS_MAX])(void);
static int nr_hooks;

int os_at_jail(void (*fn)(void))
{
	int i = __atomic_fetch_add(&nr_hooks, 1, __ATOMIC_SEQ_CST);

	if (i >= HOOKS_MAX)
		return -ENOSPC;
	hooks[i] = fn;
	return 0;
}

void os_jail_grant(const char *path, unsigned how)
{
	if (broker_sock < 0 || closed)
		return;
	if (how & OS_GRANT_BENEATH)
		jail_beneath(path, how & OS_GRANT_LOOK);
	broker_ask_later(broker_sock, ASK_GRANT, how, path);
}

void os_jail_know(int fd)
{
	if (broker_sock >= 0 && !closed)
		broker_ask(broker_sock, ASK_KNOW, 0, "", &fd, 1);
}

void os_jail_word(const char *word)
{
	if (broker_sock >= 0 && !closed)
		broker_ask_later(broker_sock, ASK_WORD, 0, word);
}

int os_jail_run(void (*fn)(const char *path), const char *path)
{
	if (broker_sock < 0 || closed)
		return -ENOENT;
	return broker_ask(broker_sock, ASK_RUN, (uint64_t)fn, path, NULL, 0);
}

int os_jail_helper(void (*fn)(const char *text, int fd), const char *text, int fd)
{
	if (broker_sock < 0 || closed)
		return -ENOENT;
	return broker_ask(broker_sock, ASK_HELPER, (uint64_t)fn, text, &fd, 1);
}

int os_jail_relay(int sock)
{
	int pair[2], err;

	if (broker_sock < 0)
		return -ENOENT;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair))
		return os_refused("socketpair", errno);
	err = broker_ask(broker_sock, ASK_RELAY, 0, "", (int[]){ sock, pair[1] }, 2);
	close(pair[1]);
	if (!err)
		return pair[0];
	close(pair[0]);
	return err;
}

void os_jail_again(const char *dir)
{
	jail_again(broker_sock, dir);
}

int os_jail_opener(int (*fn)(const char *text, struct os_opened *o))
{
	static int nr;

	if (broker_sock < 0 || closed)
		return -ENOENT;
	return broker_ask_later(broker_sock, ASK_OPENER, (uint64_t)fn, "") ? -EIO : nr++;
}

int os_jail_open(int opener, const char *text, struct os_opened *o)
{
	return opener < 0 ? opener : jail_open(broker_sock, opener, text, o);
}

bool os_jailed(void)
{
	return closed;
}

/* ---- the filter ---- */

/* Installs the filter in all threads; new threads inherit it. Returns its listener or -errno. */
static int install(unsigned profiles)
{
	static struct sock_filter insn[JAIL_FILTER_MAX];
	struct jail_numbers numbers = { .self = (uint32_t)getpid() };
	struct jail_calls calls = { jail_table, jail_rows, profiles };
	int n = packets_close(&numbers.packets);
	struct sock_fprog prog = { .filter = insn };
	long r;

	if (!n)
		n = jail_filter(insn, &calls, &numbers, SECCOMP_RET_USER_NOTIF);
	if (n < 0)
		return n;
	prog.len = (uint16_t)n;
	r = set_filter(&prog);
	return r < 0 ? os_refused("seccomp", errno) : (int)r;
}

/* Gives the broker the file with which it reads names in calls and writes results. */
static int give_memory(void)
{
	int memory = open("/proc/self/mem", O_RDWR | O_CLOEXEC), err;
	char c = 1, copy = 0;

	if (memory < 0)
		return os_refused("open of /proc/self/mem", errno);
	/* a container may forbid the access */
	if (pread(memory, &copy, 1, (off_t)&c) != 1 || pwrite(memory, &c, 1, (off_t)&copy) != 1) {
		err = errno;
		close(memory);
		return os_refused("read of /proc/self/mem", err);
	}
	err = broker_ask(broker_sock, ASK_MEMORY, 0, "", &memory, 1);
	close(memory);
	return err;
}

int os_jail_close(int traces)
{
	unsigned profiles = traces ? JAIL_TRACE : 0;
	struct epoll_event ev;
	int listener, err;

	if (broker_sock < 0)
		return os_refused("broker", ENOENT);
	for (int i = 0; i < nr_hooks; i++)
		hooks[i]();
	for (int i = 0; os_argv[i]; i++)
		broker_ask_later(broker_sock, ASK_WORD, 1, os_argv[i]);
	if (jail_is_scoped())
		profiles |= JAIL_SCOPED;
	if (jail_has_beneath())
		profiles |= JAIL_HOSTFS;
	if (epoll_pwait2(-1, &ev, 1, NULL, NULL) && errno != EBADF)
		profiles |= JAIL_OLD;
	err = give_memory();
	if (!err)
		err = jail_threads(profiles);
	if (err)
		return err;
	listener = install(profiles);
	if (listener < 0)
		return listener;
	may_trace = traces;
	closed = true;
	err = broker_ask(broker_sock, ASK_CLOSED, may_trace, "", &listener, 1);
	close(listener);
	return err;
}

void os_jail_none(void)
{
	if (broker_sock < 0)
		return;
	folders_end();
	close(broker_sock);
	broker_sock = -1;
	drop_capabilities(NEVER_NEEDED);
	for (int i = 0; i < nr_hooks; i++)
		hooks[i]();
}

bool jail_has_no_ptrace(void)
{
	return closed && !may_trace;
}

bool os_jail_is_open(void)
{
	return broker_sock >= 0 && !closed;
}

/* ---- jail=log, --jail ---- */

int os_jail_log(void)
{
	int *number = jail_log_start(), listener;

	if (!number)
		return os_refused("clone", errno);
	listener = install(JAIL_EVERY_PROFILE);
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

static const char *jail_row_says(const struct jail_row *r)
{
	switch (r->action) {
	case JAIL_ASK: return "ask";
	case JAIL_ABSENT: return "absent";
	default:
		return r->profile == JAIL_HOSTFS ? "hostfs" :
		       r->profile == JAIL_TRACE  ? "trace" :
		       r->profile == JAIL_OLD    ? "old" :
						   "allow";
	}
}

int os_jail_line(unsigned n, char *buf, size_t size)
{
	const struct jail_row *r = &jail_table[n];

	if (n >= jail_rows)
		return 0;
	snprintf(buf, size, "%-7s %-18s %-28s %s\n", jail_row_says(r), r->name, r->rule, r->why);
	return 1;
}
