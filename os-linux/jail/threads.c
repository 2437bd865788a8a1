/* SPDX-License-Identifier: MIT */
/*
 * threads.c: what each thread of the kernel process gives up for itself: its capabilities, and by
 * Landlock the names of files, TCP and the signals of other processes. Landlock and capabilities
 * belong to a thread, and threads exist already: each is interrupted once by a signal, whose
 * handler gives up the rights (SIGURG, which gdb passes on silently). Threads that start later
 * inherit the reduced rights.
 *
 *      jail_scope()      at the start: signals reach this process and its children only. Children
 *                        inherit it; otherwise the kernel process could not stop a runner.
 *      jail_beneath()    records a folder of hostfs, or a file, as an exception
 *      jail_threads()    at the close: no path but these, no TCP, no abstract socket, and of the
 *                        capabilities only those for hostfs. With seccomp=off only the
 *                        capabilities go.
 *
 * Some hosts have only parts of Landlock, or none. There only the filter protects.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/futex.h>
#include <linux/landlock.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os-linux/internal.h"
#include "os-linux/jail/jail.h"

#define BENEATH_MAX 64
/* seconds to wait for threads that the host does not run */
#define WAIT_S 10
#define THREADS_MAX 4096
#define LOOKS_A_SECOND 20 /* checks for threads that have ended */

/* rights of Landlock on files */
#define REFER 0x2000     /* to link and rename between folders */
#define OF_A_FILE 0xc007 /* rights of a rule for a file */
#define OF_A_CORE 0x4102 /* to make, write, truncate files */
#define TO_READ 0xd      /* to execute, to read files and folders */

static int beneath[BENEATH_MAX], nr_beneath;
static bool is_file[BENEATH_MAX]; /* true: a file, false: a folder */
static bool is_read_only[BENEATH_MAX];
static int core_folder = -1;
static int ruleset = -1;
/* /proc/PID/task, if it is kept open, or -1 */
static int tasks = -1;
static bool scoped;
static uint64_t kept;             /* capabilities that stay */
static int given_up;              /* threads that have finished; atomic */
static int finished[THREADS_MAX]; /* their tids; atomic */

/* ---- Landlock ---- */

static void add_rule(int rules, int folder, uint64_t rights)
{
	struct landlock_path_beneath_attr rule = { .parent_fd = folder, .allowed_access = rights };

	syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

void jail_scope(int folders)
{
	int rules = -1, top = open("/", O_PATH | O_CLOEXEC);

	if (rights_version() >= 6)
		rules = rights_rules(
			(struct rights){ .files = REFER, .scoped = RIGHTS_SCOPED_SIGNAL });
	if (rules < 0)
		goto out;
	/* without such a rule, each set of rules forbids links and renames between folders */
	add_rule(rules, top, REFER);
	if (folders >= 0)
		add_rule(rules, folders, REFER);
	scoped = !syscall(SYS_landlock_restrict_self, rules, 0);
	close(rules);
out:
	if (top >= 0)
		close(top);
	if (folders >= 0)
		close(folders);
}

void jail_beneath(const char *path, bool read_only)
{
	int fd = nr_beneath < BENEATH_MAX ? open(path, O_PATH | O_CLOEXEC) : -1;
	struct stat st;

	if (fd < 0)
		return;
	is_file[nr_beneath] = !fstat(fd, &st) && !S_ISDIR(st.st_mode);
	is_read_only[nr_beneath] = read_only;
	beneath[nr_beneath++] = fd;
}

void jail_tasks(int fd)
{
	tasks = fd;
}

void os_jail_cores(const char *folder)
{
	if (os_jail_is_open() && core_folder < 0)
		core_folder = open(folder, O_PATH | O_CLOEXEC);
}

bool jail_is_scoped(void)
{
	return scoped;
}

bool jail_has_beneath(void)
{
	return nr_beneath;
}

/*
 * Makes the rules for the close, if @is_wanted. Closes the descriptors of their folders in any
 * case: they are descriptors of the host's own folders, from which ".." leads to all of the host.
 */
static void make_all_rules(bool is_wanted)
{
	if (is_wanted)
		ruleset = rights_rules(
			(struct rights){ RIGHTS_FILES, RIGHTS_NET, RIGHTS_SCOPED_ABSTRACT });
	for (int i = 0; i < nr_beneath; i++) {
		if (ruleset >= 0)
			add_rule(ruleset, beneath[i],
				rights_files((is_file[i] ? OF_A_FILE : ~0UL) &
					     (is_read_only[i] ? TO_READ : ~0UL)));
		close(beneath[i]);
	}
	nr_beneath = 0;
	if (core_folder >= 0 && ruleset >= 0)
		add_rule(ruleset, core_folder, rights_files(OF_A_CORE));
	if (core_folder >= 0)
		close(core_folder);
}

/* ---- a thread ---- */

void os_no_capabilities(void)
{
	rights_keep(0);
}

/* Gives up the rights of the calling thread. Async-signal-safe. */
static void give_up(void)
{
	if (ruleset >= 0)
		syscall(SYS_landlock_restrict_self, ruleset, 0);
	if (folders_have_joined())
		rights_keep(~0UL);
	rights_bound(kept);
	folders_enter();
	user_close(kept);
	rights_keep(kept);
}

/* Counts the calling thread as finished. */
static void count_in(void)
{
	int at = __atomic_fetch_add(&given_up, 1, __ATOMIC_SEQ_CST);

	if (at < THREADS_MAX)
		__atomic_store_n(&finished[at], (int)syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &given_up, FUTEX_WAKE_PRIVATE, 1);
}

static void give_up_and_report(void)
{
	give_up();
	count_in();
}

static void park(void)
{
	count_in();
	for (;;)
		poll(NULL, 0, -1);
}

/* the function that an interrupted thread runs, or NULL; atomic */
static void (*on_urgent)(void);

static void on_signal(int signo)
{
	void (*fn)(void) = __atomic_load_n(&on_urgent, __ATOMIC_SEQ_CST);
	int saved = errno;

	if (fn)
		fn();
	errno = saved;
}

/* ---- all of them ---- */

static bool has(const int *list, int nr, int tid)
{
	for (int i = 0; i < nr; i++)
		if (list[i] == tid)
			return true;
	return false;
}

/*
 * Interrupts the threads of a piece of a listing that are not in @done, and adds them to it. False
 * if there are too many.
 */
static bool interrupt_listed(const char *buf, long n, int *done, int *nr_done)
{
	int self = (int)syscall(SYS_gettid);
	const struct entry64 *e;

	for (long at = 0; at < n; at += e->len) {
		int tid;

		e = (const struct entry64 *)(buf + at);
		tid = atoi(e->name);
		if (tid <= 0 || tid == self || has(done, *nr_done, tid))
			continue;
		if (*nr_done == THREADS_MAX)
			return false;
		if (!syscall(SYS_tgkill, getpid(), tid, SIGURG))
			done[(*nr_done)++] = tid;
	}
	return true;
}

/*
 * Interrupts the threads that are not in @done. Returns how many, or -errno. Neither allocates nor
 * takes a lock: an interrupted thread may hold the allocator's lock for ever (jail_park()).
 */
static int interrupt(int *done, int *nr_done)
{
	static char buf[32768] __attribute__((aligned(8)));
	int dir = tasks, before = *nr_done;
	bool few = true;
	long n;

	if (tasks >= 0 && lseek(tasks, 0, SEEK_SET))
		return os_refused("lseek", errno);
	if (dir < 0)
		dir = open("/proc/self/task", O_RDONLY | O_NONBLOCK | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return os_refused("open of /proc/self/task", errno);
	while (few && (n = syscall(SYS_getdents64, dir, buf, sizeof(buf))) > 0)
		few = interrupt_listed(buf, n, done, nr_done);
	if (dir != tasks)
		close(dir);
	/* a thread that is left out would keep its rights */
	return few ? *nr_done - before : os_refused("thread", E2BIG);
}

static bool has_finished(int tid)
{
	for (int i = 0; i < THREADS_MAX && i < __atomic_load_n(&given_up, __ATOMIC_SEQ_CST); i++)
		if (__atomic_load_n(&finished[i], __ATOMIC_SEQ_CST) == tid)
			return true;
	return false;
}

/* True if each thread of @done has finished, or has ended before it took the signal. */
static bool all_finished(const int *done, int nr)
{
	for (int i = 0; i < nr; i++)
		if (!has_finished(done[i]) && !syscall(SYS_tgkill, getpid(), done[i], 0))
			return false;
	return true;
}

/*
 * Interrupts all other threads. A thread that has not given up its rights yet may start further
 * threads, so the threads are listed until there is no new one. Fails if a thread neither counts
 * itself as finished nor ends within WAIT_S.
 */
static int interrupt_all(void)
{
	static int done[THREADS_MAX];
	const struct timespec late = { 0, 1000000000L / LOOKS_A_SECOND };
	int nr = 0, n, seen, looks = 0;

	while ((n = interrupt(done, &nr)) > 0) {
		while ((seen = __atomic_load_n(&given_up, __ATOMIC_SEQ_CST)) < nr) {
			if (!syscall(SYS_futex, &given_up, FUTEX_WAIT_PRIVATE, seen, &late) ||
				errno != ETIMEDOUT)
				continue;
			if (all_finished(done, nr))
				break;
			if (++looks == WAIT_S * LOOKS_A_SECOND)
				return os_refused("thread", ETIMEDOUT);
		}
	}
	return n;
}

/* Makes each other thread run @fn once. Returns 0 or -errno. */
static int with_all(void (*fn)(void))
{
	int err;

	for (int i = 0; i < given_up && i < THREADS_MAX; i++)
		finished[i] = 0;
	given_up = 0;
	__atomic_store_n(&on_urgent, fn, __ATOMIC_SEQ_CST);
	err = interrupt_all();
	__atomic_store_n(&on_urgent, NULL, __ATOMIC_SEQ_CST);
	return err;
}

/* Installs the handler permanently, since the jail admits no change of handlers. */
static int handle_urgent(void)
{
	struct sigaction act = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK | SA_RESTART };

	sigfillset(&act.sa_mask);
	return sigaction(SIGURG, &act, NULL) ? os_refused("rt_sigaction", errno) : 0;
}

int jail_threads(unsigned profiles)
{
	int err = handle_urgent();

	if (err)
		return err;
	err = folders_close();
	if (err)
		return err;
	/*
	 * For files of other users in the folders of hostfs. Not CAP_MKNOD: a device is a way to
	 * all of the host, and hostfs makes none. Whiteouts need no capability since Linux 5.8.
	 */
	if (profiles & JAIL_HOSTFS)
		kept = 1UL << CAP_CHOWN | 1UL << CAP_DAC_OVERRIDE | 1UL << CAP_DAC_READ_SEARCH |
		       1UL << CAP_FOWNER | 1UL << CAP_FSETID;
	/*
	 * with seccomp=off, Landlock would forbid this process to trace its children, which have
	 * fewer rules
	 */
	make_all_rules(!(profiles & JAIL_TRACE));
	user_spaces();
	err = with_all(give_up_and_report);
	give_up();
	user_end();
	folders_entered();
	if (ruleset >= 0)
		close(ruleset);
	ruleset = -1;
	return err;
}

void jail_park(void)
{
	with_all(park);
}
