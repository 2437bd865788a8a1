/* SPDX-License-Identifier: MIT */
/* warm_take.c: takes a waiting copy of a state (warm.h). */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/state/warm.h"

#define CONTEXT_MAX (1U << 16)

const char *warm_folder(const struct state *s)
{
	const char *dir = data_dir("warm");
	uint32_t hash = 2166136261;

	/* copies of one state for two data folders have different names */
	for (const char *p = dir; *p; p++)
		hash = (hash ^ (uint8_t)*p) * 16777619;
	return format("%s/%.12s%04x", dir, s->digest, hash & 0xffff);
}

const char *warm_name(const char *folder, int i)
{
	return format(".warm-%s-%d", strrchr(folder, '/') + 1, i);
}

/* ---- what an instance inherits ---- */

/* A text that grows. @full: it has no room, or /proc/self/status cannot be read. */
struct text {
	char *at;
	size_t len;
	bool full;
};

static void add(struct text *t, const char *name, const char *value)
{
	size_t room = CONTEXT_MAX - t->len;
	int n = snprintf(t->at + t->len, room, "%s=%s\n", name, value);

	if (n < 0 || (size_t)n >= room)
		t->full = true;
	else
		t->len += (size_t)n;
}

static void add_number(struct text *t, const char *name, long value)
{
	add(t, name, format("%ld", value));
}

/* Adds a file of /proc/self. A file that cannot be read counts as empty. */
static void add_file(struct text *t, const char *name)
{
	int fd = open(format("/proc/self/%s", name), O_RDONLY | O_CLOEXEC);
	size_t room = CONTEXT_MAX - t->len;
	ssize_t n = fd < 0 ? 0 : read(fd, t->at + t->len, room);

	if (fd >= 0)
		close(fd);
	/* attr/current cannot be read on a host without a security module */
	if (n > 0)
		t->len += (size_t)n;
	if ((size_t)(n > 0 ? n : 0) == room)
		t->full = true;
}

static void add_link(struct text *t, const char *name)
{
	char to[256];
	ssize_t n = readlink(format("/proc/self/%s", name), to, sizeof(to) - 1);

	if (n == sizeof(to) - 1)
		t->full = true;
	to[n > 0 ? n : 0] = '\0';
	add(t, name, to);
}

/* Adds the lines of /proc/self/status that a child inherits. */
static void add_status(struct text *t)
{
	static const char *const names[] = { "Umask", "Uid", "Gid", "Groups", "CapInh", "CapPrm",
		"CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Seccomp_filters",
		"Speculation_Store_Bypass", "Cpus_allowed", "Mems_allowed" };
	char text[8192], *save, *line;
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	if (n <= 0 || n == sizeof(text) - 1)
		t->full = true;
	text[n > 0 ? n : 0] = '\0';
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *value = strchr(line, ':');

		if (!value)
			continue;
		*value++ = '\0';
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (!strcmp(line, names[i]))
				add(t, line, value);
	}
}

const char *warm_context(void)
{
	static const char *const files[] = { "limits", "cgroup", "oom_score_adj", "personality",
		"timerslack_ns", "coredump_filter", "attr/current" };
	static const char *const links[] = { "ns/cgroup", "ns/ipc", "ns/mnt", "ns/net",
		"ns/pid_for_children", "ns/time_for_children", "ns/user", "ns/uts" };
	/* those that a start and the kernel read */
	static const char *const variables[] = { "HOME", "XDG_RUNTIME_DIR", "XDG_DATA_HOME",
		"TMPDIR", "NESTLING_JAIL_LOG" };
	static char room[CONTEXT_MAX + 1];
	struct text t = { .at = room };
	struct sched_param param = { 0 };
	struct stat root;

	add_status(&t);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		add_file(&t, files[i]);
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		add_link(&t, links[i]);
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		add(&t, variables[i], getenv(variables[i]) ?: "");
	sched_getparam(0, &param);
	add_number(&t, "nice", getpriority(PRIO_PROCESS, 0));
	add_number(&t, "policy", sched_getscheduler(0));
	add_number(&t, "priority", param.sched_priority);
	add_number(&t, "io", syscall(SYS_ioprio_get, 1, 0));
	add_number(&t, "securebits", prctl(PR_GET_SECUREBITS));
	add_number(&t, "no huge pages", prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
	if (!stat("/", &root))
		add(&t, "root",
			format("%llx:%llx", (unsigned long long)root.st_dev,
				(unsigned long long)root.st_ino));
	t.at[t.len] = '\0';
	return t.full ? NULL : t.at;
}

/* True if this process passes on what the warmer does. */
static bool is_like(const char *folder)
{
	static char its[CONTEXT_MAX];
	const char *mine;
	int fd = open(format("%s/like", folder), O_RDONLY | O_CLOEXEC);
	ssize_t n;
	bool same;

	if (fd < 0)
		return false;
	n = read(fd, its, sizeof(its));
	close(fd);
	mine = n > 0 ? warm_context() : NULL;
	same = mine && strlen(mine) == (size_t)n && !memcmp(mine, its, (size_t)n);
	return same;
}

/* ---- taking ---- */

#define ANSWER_MS 2000 /* for an answer of a copy */
#define STEP_MS 20
#define SOCKET_PATH_MAX 108

/*
 * Renames the folder of a copy, which waits or will soon, to @name. Returns the new path, or NULL
 * if no copy has a folder.
 */
static const char *rename_one(const char *folder, const char *name)
{
	for (int home = 0; home < 2; home++) {
		const char *dir = umid_home(home), *to = dir ? format("%s/%s", dir, name) : NULL;

		if (!to || strlen(to) + sizeof("/mconsole") > SOCKET_PATH_MAX)
			continue;
		/* the folder of an instance that was killed */
		if (!access(to, F_OK))
			umid_remove_dead(to);
		for (int i = 0; i < WARM_COPIES; i++)
			if (!renameat2(AT_FDCWD, format("%s/%s", dir, warm_name(folder, i)),
				    AT_FDCWD, to, RENAME_NOREPLACE))
				return to;
	}
	return NULL;
}

/* Asks the kernel that is served in @folder. Returns its answer, or NULL. *err: its error. */
static char *ask(const char *folder, const char *command, int *err)
{
	struct umid_console c;
	char *text;
	size_t len;

	if (!umid_try_connect(&c, folder))
		return NULL;
	c.wait_ms = ANSWER_MS;
	c.step_ms = STEP_MS;
	text = umid_ask(&c, command, err, &len);
	close(c.fd);
	return text;
}

/* A copy's kernel, while its folder names it. */
struct copy {
	const char *folder;
	pid_t pid;
	int pidfd; /* or -1 */
};

/*
 * Finds the kernel of a folder. A number in a folder that is not served may be that of another
 * process by now. False if the folder is not served.
 */
static bool find(struct copy *c, const char *folder)
{
	c->folder = folder;
	c->pid = umid_is_served(folder) ? umid_read_pid(folder) : 0;
	c->pidfd = c->pid ? (int)syscall(SYS_pidfd_open, c->pid, 0) : -1;
	if (c->pidfd >= 0 && umid_is_served(folder) && umid_read_pid(folder) == c->pid)
		return true;
	if (c->pidfd >= 0)
		close(c->pidfd);
	c->pidfd = -1;
	return false;
}

static void kill_copy(const struct copy *c)
{
	if (umid_read_pid(c->folder) == c->pid)
		syscall(SYS_pidfd_send_signal, c->pidfd, SIGKILL, NULL, 0);
	umid_remove_ended(c->folder, c->pid);
}

/*
 * Ends a copy unless it runs: asks it, and kills it if it does not answer. Removes the folder.
 * Returns false if the copy runs.
 */
static bool end_copy(const struct copy *c)
{
	int err = 0;
	char *text = ask(c->folder, "state end", &err);
	bool runs = text && err;

	if (text && !err)
		umid_remove_ended(c->folder, c->pid);
	else if (!text)
		kill_copy(c);
	free(text);
	return !runs;
}

bool warm_end_copy(const char *name, pid_t pid)
{
	bool ended = false;

	for (int home = 0; home < 2; home++) {
		const char *folder = umid_home(home) ? format("%s/%s", umid_home(home), name) : "";
		struct copy c;

		if (!*folder || access(folder, F_OK))
			continue;
		if (!find(&c, folder)) {
			umid_remove_dead(folder);
			continue;
		}
		if (!pid || pid == c.pid)
			ended |= end_copy(&c);
		close(c.pidfd);
	}
	return ended;
}

/* Takes a copy; see warm_take(). The signals that end nestctl are blocked. */
static bool take(struct start *st, const char *folder)
{
	const char *to = rename_one(folder, st->name);
	struct copy c;
	char *text;
	int err;

	if (!to)
		return false;
	if (!find(&c, to)) {
		umid_remove_dead(to);
		return false;
	}
	text = ask(to, format("state go %s", st->name), &err);
	free(text);
	/* the next copy may not answer either, so after a failure the caller starts a kernel */
	if (!text || err) {
		kill_copy(&c);
		close(c.pidfd);
		return false;
	}
	st->kernel = c.pid;
	st->pidfd = c.pidfd;
	st->report = -1;
	st->runs = true;
	return true;
}

bool warm_take(struct start *st)
{
	const char *folder = warm_folder(st->state);
	sigset_t ending, before;
	bool taken;

	if (!is_like(folder))
		return false;
	sigemptyset(&ending);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGHUP);
	sigprocmask(SIG_BLOCK, &ending, &before);
	taken = take(st, folder);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return taken;
}
