/* SPDX-License-Identifier: MIT */
/* warm_take.c: takes a waiting copy of a state (warm.h). */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
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

/* A text that grows. @full: it has no room, or a file could not be read. */
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

/* Adds a file of /proc/self. A file that the host lacks counts as empty. */
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
	static const char *const links[] = { "root", "ns/cgroup", "ns/ipc", "ns/mnt", "ns/net",
		"ns/pid", "ns/time", "ns/user", "ns/uts" };
	/* those that a start and the kernel read */
	static const char *const variables[] = { "HOME", "XDG_RUNTIME_DIR", "XDG_DATA_HOME",
		"TMPDIR", "NESTLING_JAIL_LOG" };
	static char room[CONTEXT_MAX + 1];
	struct text t = { .at = room };
	struct sched_param param = { 0 };

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
 * Gives the folder of a waiting copy the instance's name. Returns its new path, or NULL if no copy
 * waits.
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

/* Lets the kernel run that waits in @to. True if it says that it does. */
static bool let_go(struct start *st, const char *to)
{
	pid_t pid = umid_read_pid(to);
	int err, pidfd = pid ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	char *text = pidfd < 0 ? NULL : ask(to, format("state go %s", st->name), &err);
	/* the process may have ended, and another may have its number; the file still names it */
	bool goes = text && !err && umid_read_pid(to) == pid;

	free(text);
	if (goes) {
		st->kernel = pid;
		st->pidfd = pidfd;
	} else if (pidfd >= 0) {
		close(pidfd);
	}
	return goes;
}

/* Ends the copy that waits in @folder, and removes the folder. True if the copy has ended. */
static bool end_in(const char *folder)
{
	pid_t pid = umid_read_pid(folder);
	int err = 0;
	char *text;

	if (access(folder, F_OK))
		return false;
	text = ask(folder, "state end", &err);
	/* a kernel that has ended before it could answer is not served any more */
	if (text ? err : umid_is_served(folder)) {
		free(text);
		return false;
	}
	free(text);
	umid_remove_ended(folder, pid);
	return true;
}

bool warm_end_copy(const char *name)
{
	bool ended = false;

	for (int home = 0; home < 2; home++)
		if (umid_home(home))
			ended |= end_in(format("%s/%s", umid_home(home), name));
	return ended;
}

/* Takes a copy; see warm_take(). The signals that end nestctl are blocked. */
static bool take(struct start *st, const char *folder)
{
	const char *to = rename_one(folder, st->name);

	if (!to)
		return false;
	if (let_go(st, to)) {
		st->report = -1;
		st->runs = true;
		return true;
	}
	/* It has ended, or does not answer. The next one may not either: start a kernel instead. */
	end_in(to);
	return false;
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
