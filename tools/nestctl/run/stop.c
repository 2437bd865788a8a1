/* SPDX-License-Identifier: MIT */
/*
 * stop.c: `nestctl stop` and `nestctl kill`.
 *
 * stop sends the kernel SIGTERM, which is ctrl-alt-del for init. From then on a restart of the
 * guest ends the instance, too. The signal carries a value with the signal for programs and their
 * time (os-linux/end.h): the built-in init sends it, kills them when their time is over, and powers
 * off. If the instance does not power off, the management console gets "halt", which syncs the
 * disks, and two seconds later the process is killed. A pidfd holds the process, so that its number
 * cannot be reused.
 *
 * A detached instance is ended by its supervisor in this way. If the supervisor takes SUPERVISOR_MS
 * longer than the programs' time, stop kills it.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "os-linux/end.h"
#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/instance.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/progress.h"
#include "tools/nestctl/core/umid.h"
#include "tools/nestctl/run/stop.h"
#include "tools/nestctl/service/service.h"

#define HALT_MS 2000
/* time for init to power off after it has killed the programs */
#define POWER_OFF_MS 5000
/* time for a supervisor to end the instance, after which the supervisor is killed */
#define SUPERVISOR_MS 30000
#define STEP_MS 200

#define GUEST_RTMIN 34 /* glibc's SIGRTMIN */
#define GUEST_RTMAX 64

/* An instance to end. */
struct target {
	const char *name; /* NULL: the end of a list */
	/*
	 * true if a supervisor will end the instance; false if stop ends the process of @in itself
	 */
	bool detached;
	struct service service;
	struct instance in;
	int pidfd;
	/* seconds that the programs have to end */
	int time;
};

static bool is_running(const char *name)
{
	for (int i = 0; i < 2; i++)
		if (umid_home(i) && umid_is_served(format("%s/%s", umid_home(i), name)))
			return true;
	return false;
}

/*
 * Looks up the instance and opens its process. Returns false if none runs, or if the process ended
 * in between.
 */
static bool open_process(struct target *t)
{
	size_t n;
	struct instance *all = instances_find(t->name, &n);

	if (!n)
		return false;
	t->in = all[0];
	t->pidfd = (int)syscall(SYS_pidfd_open, t->in.pid, 0);
	if (t->pidfd < 0 && errno != ESRCH)
		die("%s: %s", t->name, strerror(errno));
	/*
	 * the pid may have been reused before the pidfd was opened: check that it has the name's
	 * socket
	 */
	if (t->pidfd >= 0 && umid_is_served(t->in.folder) &&
		umid_read_pid(t->in.folder) == t->in.pid)
		return true;
	if (t->pidfd >= 0)
		close(t->pidfd);
	return false;
}

#define TRIES 40
#define PAUSE_US 5000

/*
 * Looks up an instance that runs or is kept, and opens its process if that has no supervisor. Tries
 * again if the instance starts or ends in this moment. Dies if there is none.
 */
static struct target hold(const char *name)
{
	struct target t = { .name = name };

	for (int i = 0; i < TRIES; i++) {
		bool runs = is_running(name);

		/* it is no error to stop a kept instance that has ended */
		t.detached = service_find(&t.service, name);
		if (t.detached && (service_is_busy(&t.service) || !runs))
			return t;
		if (!runs && !i)
			break;
		if (open_process(&t)) {
			t.detached = false;
			return t;
		}
		usleep(PAUSE_US);
	}
	die("%s: no instance of this name runs", name);
}

static void hold_next(const char *name, void *arg)
{
	struct target **next = arg;

	**next = hold(name);
	(*next)++;
}

/* Opens the named instances. Sets *status to 1 if one of them has ended meanwhile. */
static struct target *hold_all(char **names, int *status)
{
	struct target *all, *next;
	size_t n = 0;

	while (names[n])
		n++;
	all = next = xalloc((n + 1) * sizeof(*all));
	*status = each_name(names, hold_next, &next);
	*next = (struct target){ .name = NULL };
	return all;
}

static void send_signal(int pidfd, int sig, const char *name)
{
	if (syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0) && errno != ESRCH)
		die("%s: %s", name, strerror(errno));
}

static bool ends_within(int pidfd, int ms)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return poll(&p, 1, ms) > 0;
}

static void halt(const struct instance *in)
{
	struct umid_console c;
	size_t len;
	int err;

	if (!umid_try_connect(&c, in->folder))
		return;
	c.wait_ms = HALT_MS;
	free(umid_ask(&c, "halt", &err, &len));
	close(c.fd);
}

static void kill_process(const struct target *t)
{
	send_signal(t->pidfd, SIGKILL, t->in.name);
	if (!ends_within(t->pidfd, 10000))
		die("%s: process %d does not end", t->in.name, (int)t->in.pid);
	umid_remove_ended(t->in.folder, t->in.pid);
}

void instance_kill(const struct instance *in)
{
	struct target t = hold(in->name);

	if (t.detached)
		t.pidfd = (int)syscall(SYS_pidfd_open, in->pid, 0);
	if (t.detached)
		service_kill(&t.service, t.pidfd);
	else
		kill_process(&t);
	if (t.pidfd >= 0)
		close(t.pidfd);
}

int stop_seconds(const char *what, const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || *end || n < 0 || n > 86400)
		die("%s: expected seconds, at most 86400, not '%s'", what, text);
	return (int)n;
}

int guest_signal(const char *what, const char *text)
{
	const char *name = strncasecmp(text, "SIG", 3) ? text : text + 3;
	bool rt = !strncasecmp(name, "RTMIN", 5);
	const char *digits = rt && name[5] == '+' ? name + 6 : text;
	char *end;
	long n = strtol(digits, &end, 10);

	if (rt && !name[5])
		return GUEST_RTMIN;
	if (*digits >= '0' && *digits <= '9' && !*end && n + rt > 0 &&
		n <= GUEST_RTMAX - (rt ? GUEST_RTMIN : 0))
		return (int)n + (rt ? GUEST_RTMIN : 0);
	for (int sig = 1; sig < 32; sig++)
		if (!strcasecmp(name, signal_abbreviation(sig)))
			return sig;
	die("%s: there is no signal '%s'", what, text);
}

/*
 * Asks an instance to end: sends SIGTERM with the programs' signal and time. @sig 0 and @time -1
 * mean a detached instance's own values, or the usual ones.
 */
static void ask(struct target *t, int sig, int time)
{
	siginfo_t info = { .si_signo = SIGTERM, .si_code = SI_QUEUE };

	if (t->detached) {
		sig = sig ?: t->service.spec.stop_signal;
		t->time = time >= 0 ? time : t->service.spec.stop_timeout;
		t->pidfd = service_ask_end(&t->service, sig, t->time);
		return;
	}
	sig = sig ?: SIGTERM;
	time = t->time = time >= 0 ? time : STOP_TIMEOUT;

	info.si_pid = getpid();
	info.si_uid = getuid();
	info.si_int = END_VALUE(sig, time);
	if (syscall(SYS_pidfd_send_signal, t->pidfd, SIGTERM, &info, 0) && errno != ESRCH)
		die("%s: %s", t->in.name, strerror(errno));
}

static void halt_or_kill(const struct target *t)
{
	if (t->detached)
		return send_signal(t->pidfd, SIGKILL, t->name);
	halt(&t->in);
	if (!ends_within(t->pidfd, HALT_MS))
		kill_process(t);
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/*
 * Waits until @t has ended, or until the time @end in ms. True if it has ended. The progress bar
 * covers the time from @begun to @end.
 */
static bool ends_before(const struct target *t, long begun, long end)
{
	for (;;) {
		long now = now_ms();

		progress("stop", t->name, (uint64_t)(now - begun), (uint64_t)(end - begun));
		if (ends_within(t->pidfd, now >= end          ? 0 :
					  end - now < STEP_MS ? (int)(end - now) :
								STEP_MS))
			return true;
		if (now >= end)
			return false;
	}
}

/* Removes unknown names from the list, with a message for each. True if there were any. */
static bool leave_out_unknown(char **names)
{
	char **to = names;
	bool unknown = false;

	for (char **from = names; *from; from++) {
		struct service s;

		bool kept = service_find(&s, *from);

		if (kept)
			service_close(&s);
		if (kept || is_running(*from)) {
			*to++ = *from;
			continue;
		}
		warn("%s: no instance of this name is kept or runs", *from);
		unknown = true;
	}
	*to = NULL;
	return unknown;
}

/*
 * Ends the named instances. Returns 1 if a name was unknown or one of the instances has ended
 * meanwhile, else 0.
 */
static int end_all(char **names, int sig, int time)
{
	bool unknown = leave_out_unknown(names);
	int status;
	struct target *all = hold_all(names, &status);
	long begun;

	for (struct target *t = all; t->name; t++)
		ask(t, sig, time);
	begun = now_ms();
	for (struct target *t = all; t->name; t++) {
		const long end = begun + t->time * 1000L;
		/* a supervisor powers the instance off and halts it by itself */
		const long last = end + (t->detached ? SUPERVISOR_MS : POWER_OFF_MS);

		if (t->pidfd < 0 || ends_before(t, begun, end) || ends_before(t, end, last))
			continue;
		warn("%s: did not end within %d s, and is halted", t->name, t->time);
		halt_or_kill(t);
	}
	for (struct target *t = all; t->name; t++)
		if (t->detached)
			service_wait_end(&t->service, -1);
	progress_end();
	return unknown || status;
}

static int stop(int argc, char **argv)
{
	int time = -1, sig = 0;

	for (int key; (key = next_option(&cmd_stop, argc, argv));)
		if (key == 's')
			sig = guest_signal("stop: --signal", optarg);
		else
			time = stop_seconds("stop: --timeout", optarg);
	return end_all(take_words(&cmd_stop, argc, argv, 1, -1), sig, time);
}

/* True if no program can handle the signal. */
static bool is_deadly(int sig)
{
	return sig == SIGKILL;
}

/* Makes the kernel of a machine send a signal to init. */
static void signal_machine(const struct target *t, int sig)
{
	struct umid_console c;
	size_t len;
	char *text;
	int err;

	umid_connect(&c, umid_folder(t->name));
	text = umid_ask(&c, format("signal %d", sig), &err, &len);
	if (!text || err)
		die("%s: %s", t->name, text ?: "no answer");
	free(text);
	close(c.fd);
}

/* @arg: the signal. */
static void kill_one(const char *name, void *arg)
{
	const int sig = *(const int *)arg;
	struct target t = hold(name);

	if (!t.detached && !is_deadly(sig))
		die("kill: -s: %s is not detached: its nestctl run passes signals on", name);
	if (t.detached && !service_is_busy(&t.service))
		die("%s: does not run", name);
	if (!t.detached)
		kill_process(&t);
	else if (is_deadly(sig))
		service_stop(&t.service, SIGKILL, 0);
	else if (spec_is_machine(&t.service.spec))
		signal_machine(&t, sig);
	else if (!service_signal(&t.service, sig))
		die("%s: has ended", name);
}

static int kill_command(int argc, char **argv)
{
	int sig = SIGKILL;

	while (next_option(&cmd_kill, argc, argv))
		sig = guest_signal("kill: --signal", optarg);
	return each_name(take_words(&cmd_kill, argc, argv, 1, -1), kill_one, &sig);
}

static const struct option_row stop_options[] = {
	{ 's', "signal", "SIGNAL",
		"what programs get instead of SIGTERM (or run --stop-signal), a name or a number; "
		"an init of the image's own ignores this choice" },
	{ 't', "timeout", "SECONDS",
		"time to end before they are killed (run --stop-timeout, or 10; a machine 90)" },
	{ 't', "time", "SECONDS", NULL },
	{ 0 },
};

const struct command cmd_stop = {
	.name = "stop",
	.args = "UMID...",
	.help = "Ends instances in order: programs are asked, then killed; init powers off.",
	.text = "The command of a detached instance (run -d) gets SIGTERM. When it has ended, or "
		"after the timeout, all other programs are killed, disks are synced, and the "
		"machine is off. It is not started again, whatever its restart policy: nestctl "
		"start does that, with the same disk. One that does not run is left alone.\n\n"
		"A machine (run --init) powers off by its own init, which gets ctrl-alt-del.\n\n"
		"Of an instance that is not detached all programs get SIGTERM; a shell on a "
		"terminal, which ignores that, SIGHUP as well.\n\n"
		"Several instances end at the same time. One that still runs five seconds after "
		"its timeout is halted: its disks are synced. One that does not halt is killed.",
	.options = stop_options,
	.run = stop,
};

static const struct option_row kill_options[] = {
	{ 's', "signal", "SIGNAL",
		"send the command this signal instead of SIGKILL; of a detached instance. An init "
		"of "
		"the image's own (run --init) gets those that it handles." },
	{ 0 },
};

const struct command cmd_kill = {
	.name = "kill",
	.args = "UMID...",
	.help = "Ends instances at once, as a power cut would.",
	.text = "A detached instance (run -d) is not started again. Its programs are killed and "
		"its disks are synced, since its layer is kept.",
	.options = kill_options,
	.run = kill_command,
};
