/* SPDX-License-Identifier: MIT */
/*
 * detach.c: `nestctl run -d` and `nestctl start`: start the supervisor of a kept instance, and wait
 * until its command has started.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/run/run.h"
#include "tools/nestctl/service/attach.h"
#include "tools/nestctl/service/events.h"
#include "tools/nestctl/service/log.h"
#include "tools/nestctl/service/service.h"
#include "tools/nestctl/service/unit.h"

#define WHY_MAX 4096
#define TRIES 100
#define PORT_TRIES 8
#define PAUSE_MS 50

/*
 * Detaches from the caller: new session, folder /, standard streams from /dev/null. Closes all
 * descriptors except @told and the instance's.
 */
static void leave_caller(struct service *s, int told)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int kept[3] = { told, s->dir, s->lock };

	setsid();
	if (null < 0 || chdir("/"))
		_exit(1);
	for (int i = 0; i < 3; i++) {
		dup2(null, i);
		/* out of the way of the numbers 3 to 5, which dup3() assigns below */
		kept[i] = fcntl(kept[i], F_DUPFD_CLOEXEC, 10);
		if (kept[i] < 0)
			_exit(1);
	}
	for (int i = 0; i < 3; i++)
		dup3(kept[i], 3 + i, O_CLOEXEC);
	close_range(6, ~0U, 0);
	s->dir = 4;
	s->lock = 5;
	s->state = openat(s->dir, "state", O_RDONLY | O_CLOEXEC);
}

/*
 * Forks twice, so that the supervisor is no child of the caller, which may wait for any of its
 * children.
 */
static void fork_supervisor(struct service *s, int told)
{
	pid_t pid = fork();

	if (pid < 0)
		die("cannot start a process: %s", task_error(errno));
	if (pid) {
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		return;
	}
	pid = fork();
	if (pid)
		_exit(pid < 0);
	leave_caller(s, told);
	supervise(s, 3);
}

const char *service_start(struct service *s)
{
	char *why = xalloc(WHY_MAX + 1);
	size_t n = 0;
	ssize_t got;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		die("pipe: %s", strerror(errno));
	fflush(NULL);
	fork_supervisor(s, fds[1]);
	close(fds[1]);
	/* the supervisor has inherited the lock, and must be the last process to hold it */
	close(s->lock);
	s->lock = -1;
	while (n < WHY_MAX && (got = read(fds[0], why + n, WHY_MAX - n)) != 0)
		n += got > 0 ? (size_t)got : 0;
	close(fds[0]);
	if (!n)
		return "its supervisor was killed";
	return strcmp(why, "r") != 0 ? why : NULL;
}

void service_foreground(struct service *s)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), kept[] = { s->dir, s->lock, s->state };

	if (null < 0 || dup2(null, 0) < 0 || chdir("/"))
		die("/dev/null: %s", strerror(errno));
	close_others(kept, sizeof(kept) / sizeof(kept[0]));
	supervise(s, -1);
}

static void write_files(void *arg)
{
	service_state_create(arg);
	spec_write(arg);
}

static void write_cidfile(void *arg)
{
	const struct run *r = arg;

	run_write_cidfile(r, r->name);
}

static void install(void *arg)
{
	unit_install(arg);
}

/* Makes systemd start a new instance. Returns nestctl's exit status. */
static int start_by_unit(struct service *s, const char *cidfile)
{
	const char *why;

	/* the supervisor that systemd starts takes the lock */
	close(s->lock);
	s->lock = -1;
	why = attempt(install, s);
	if (why) {
		if (service_lock(s))
			service_remove(s);
		if (cidfile)
			unlink(cidfile);
		die("%s", why);
	}
	puts(s->name);
	return 0;
}

static void write_spec(void *arg)
{
	spec_write(arg);
}

/*
 * Starts a new instance. If another process has taken a port that nestctl chose, tries another
 * port. Returns NULL, or the reason why the start failed.
 */
static const char *start_new(struct run *r, struct service *s)
{
	const char *why = service_start(s);

	for (int i = 0; why && i < PORT_TRIES && run_choose_again(r, why); i++) {
		if (!service_wait_end(s, -1) || !service_lock(s))
			return why;
		s->spec = spec_of_run(r);
		why = attempt(write_spec, s) ?: service_start(s);
	}
	return why;
}

int service_run(struct run *r)
{
	const char *name = r->name ?: service_new_name(), *why;
	struct spec spec = spec_of_run(r);
	struct service s = service_create(name);

	s.spec = spec;
	why = attempt(write_files, &s);
	if (!why && r->cidfile)
		why = attempt(write_cidfile, r);
	if (why) { /* the disk may be full */
		service_remove(&s);
		die("%s", why);
	}
	event_service(&s, "create", NULL, NULL);
	if (r->unit)
		return start_by_unit(&s, r->cidfile);
	why = r->create ? NULL : start_new(r, &s);
	if (why) {
		if (service_wait_end(&s, -1) && service_lock(&s))
			service_remove(&s);
		if (r->cidfile)
			unlink(r->cidfile);
		die("%s", why);
	}
	puts(name);
	return 0;
}

/* ---- start ---- */

/*
 * Locks an instance that has ended. Returns false if it runs, or another nestctl has just started
 * it. Dies if another process keeps it locked.
 */
static bool lock_ended(struct service *s)
{
	for (int i = 0; i < TRIES; i++) {
		enum phase phase;

		if (service_lock(s))
			return true;
		phase = service_state_read(s).phase;
		if (phase == PHASE_RUNNING || phase == PHASE_RESTARTING)
			return false;
		poll(NULL, 0, PAUSE_MS);
	}
	die("%s: another nestctl changes it", s->name);
}

/* Starts a kept instance, unless it runs. Dies if that fails. */
static void start_one(const char *name, void *unused)
{
	struct service s = service_open(name);
	const char *why;

	if (lock_ended(&s)) {
		why = service_start(&s);
		if (why)
			die("%s: %s", name, why);
	}
	service_close(&s);
	puts(name);
}

static void __attribute__((noreturn)) start_here(const char *name)
{
	struct service s = service_open(name);

	if (!lock_ended(&s))
		die("%s: runs", name);
	service_foreground(&s);
}

static int start(int argc, char **argv)
{
	bool attach = false, foreground = false;
	struct attach_options how = { .input = false };
	char **names;

	for (int key; (key = next_option(&cmd_start, argc, argv));)
		switch (key) {
		case 'a': attach = true; break;
		case 'i': attach = how.input = true; break;
		case 'f': foreground = true; break;
		default: how.keys = optarg; break;
		}
	names = take_words(&cmd_start, argc, argv, 1, attach || foreground ? 1 : -1);
	if (foreground)
		start_here(names[0]);
	if (attach)
		return attach_started(names[0], &how);
	return each_name(names, start_one, NULL);
}

static const struct option_row start_options[] = {
	{ 'a', "attach", NULL,
		"show its output here and wait for its end, as nestctl attach does" },
	{ 'i', "interactive", NULL, "the same, and pass on standard input" },
	{ 'f', "foreground", NULL,
		"supervise it in this process until it is not to be started again, for service "
		"managers; SIGTERM stops it" },
	{ 'k', "detach-keys", "KEYS", "keys that end -a and -i; see nestctl attach" },
	{ 0 },
};

const struct command cmd_start = {
	.name = "start",
	.args = "NAME...",
	.help = "Starts kept instances again.",
	.text = "An instance of `nestctl run -d` that has ended goes on with its layer, options "
		"and "
		"command. Its output is added to that of before. One that runs is left alone.",
	.exits = "with -a and -i, that of the command",
	.options = start_options,
	.run = start,
};
