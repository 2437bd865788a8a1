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
	return format("%s/%.*s", data_dir("warm"), WARM_KEY, s->digest);
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
		"timerslack_ns", "attr/current" };
	static const char *const links[] = { "root", "ns/cgroup", "ns/ipc", "ns/mnt", "ns/net",
		"ns/pid", "ns/time", "ns/user", "ns/uts" };
	/* those that the kernel reads */
	static const char *const variables[] = { "HOME", "XDG_RUNTIME_DIR", "XDG_DATA_HOME",
		"NESTLING_JAIL_LOG" };
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

/*
 * Gives the folder of a waiting copy the instance's name. Returns its new path, or NULL if no copy
 * waits.
 */
static const char *rename_one(const char *folder, const char *name)
{
	for (int i = 0; i < WARM_COPIES; i++)
		for (int home = 0; home < 2; home++) {
			const char *dir = umid_home(home);
			const char *to = dir ? format("%s/%s", dir, name) : NULL;
			const char *from = dir ? format("%s/%s", dir, warm_name(folder, i)) : NULL;

			if (!dir)
				continue;
			if (!renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE))
				return to;
			if (errno != EEXIST)
				continue;
			/* the folder of an instance that was killed */
			umid_remove_dead(to);
			if (!renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE))
				return to;
		}
	return NULL;
}

/* Lets the waiting kernel run whose folder of names is @to. True if the kernel confirms that. */
static bool let_go(struct start *st, const char *to)
{
	struct umid_console c;
	char *text;
	size_t len;
	int err;

	st->kernel = umid_read_pid(to);
	st->pidfd = st->kernel ? (int)syscall(SYS_pidfd_open, st->kernel, 0) : -1;
	if (st->pidfd < 0 || !umid_try_connect(&c, to))
		return false;
	text = umid_ask(&c, format("state go %s", st->name), &err, &len);
	close(c.fd);
	free(text);
	return text && !err;
}

bool warm_take(struct start *st)
{
	const char *folder = warm_folder(st->state), *to;

	if (!is_like(folder))
		return false;
	while ((to = rename_one(folder, st->name))) {
		if (let_go(st, to)) {
			st->report = -1;
			st->runs = true;
			return true;
		}
		/* the copy has ended meanwhile, or does not answer */
		if (st->pidfd >= 0) {
			syscall(SYS_pidfd_send_signal, st->pidfd, SIGKILL, NULL, 0);
			close(st->pidfd);
		}
		umid_remove_ended(to, st->kernel);
		st->pidfd = -1;
		st->kernel = 0;
	}
	return false;
}
