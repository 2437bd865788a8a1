/* SPDX-License-Identifier: MIT */
/*
 * start.c: starts a kernel that continues from a state: its command line, its disks, and the wait
 * for its first answer.
 *
 * The kernel takes its parameters from the state. The command line has those that a new process
 * replaces: the instance's name, a new file for the layer of each disk (the kernel puts it over the
 * state's layer), consoles that were inherited descriptors, and other network cards if wanted. Such
 * consoles become `null`: reads wait, and `nestctl console` shows them. But con4 and con5 of
 * `nestctl run` become pipes to the keeper, and so does the output of a machine's con1.
 *
 * keeper     the process that stays with the kernel after nestctl has ended (keeper.c)
 * attached   an instance without a keeper, which nestctl runs with its own streams (attach.c)
 * machine    an instance of `nestctl run --init`: when its guest restarts, the keeper or nestctl
 *            starts the next kernel, by the parameters in state.boot (machine.c)
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/output.h"
#include "tools/nestctl/run/host_user.h"
#include "tools/nestctl/run/run.h"
#include "tools/nestctl/service/log.h"
#include "tools/nestctl/service/service.h"
#include "tools/nestctl/state/state.h"

#define START_MS 600000 /* time for copies of gigabytes of layers */
#define TICK_MS 200

/* The command line of a kernel, and the descriptors that it inherits. */
struct line {
	const char *argv[PARAMS_MAX + 40];
	int argc;
	/*
	 * the kernel's ends of pipes and files, which nestctl closes once the kernel has inherited
	 * them
	 */
	int ends[8];
	int nr_ends;
	/* the kernel's end of a machine's console, if keeper.log is set; one of @ends */
	int console_end;
	struct keeper keeper;
};

static void add(struct line *l, const char *param)
{
	if (l->argc + 1 == sizeof(l->argv) / sizeof(l->argv[0]))
		die("%s: too many parameters", param);
	l->argv[l->argc++] = param;
}

/* ---- names ---- */

/* Returns the folder of the running instance @name, or NULL. */
static const char *served_folder(const char *name)
{
	for (int i = 0; i < 2; i++) {
		const char *folder = umid_home(i) ? format("%s/%s", umid_home(i), name) : NULL;

		if (folder && umid_is_served(folder))
			return folder;
	}
	return NULL;
}

/* True if an instance of `nestctl run -d` (service.h), running or not, has the name. */
static bool is_kept(const char *name)
{
	struct service s;

	if (!service_find(&s, name))
		return false;
	service_close(&s);
	return true;
}

void start_check_name(const char *name)
{
	const char *folder;

	bool good = *name && *name != '.' && strlen(name) <= 60;

	for (const char *p = name; *p; p++)
		good = good && *p > ' ' && *p < 127 && *p != '/';
	if (!good)
		die("'%.100s' is not a name for an instance", name);
	folder = served_folder(name);
	/* the broker of a kernel that was killed holds the socket a moment longer */
	if (folder && !umid_read_pid(folder)) {
		umid_remove_ended(folder, 0);
		folder = served_folder(name);
	}
	if (folder)
		die("%s: an instance of this name runs", name);
	if (is_kept(name))
		die("%s: an instance of this name is kept; --name gives another, nestctl rm "
		    "removes it",
			name);
}

const char *start_free_name(const char *wanted)
{
	const char *name = wanted;

	if (!served_folder(wanted)) {
		start_check_name(wanted);
		return wanted;
	}
	for (int i = 2; served_folder(name) || is_kept(name); i++)
		name = format("%.50s-%d", wanted, i);
	return name;
}

bool instance_answers(const char *name, pid_t pid, int ms)
{
	const char *folder = served_folder(name);
	struct umid_console c;
	size_t len;
	int err;
	char *text;
	bool answers;

	if (!folder || (pid && umid_read_pid(folder) != pid) || !umid_try_connect(&c, folder))
		return false;
	c.wait_ms = ms;
	text = umid_ask(&c, "version", &err, &len);
	close(c.fd);
	answers = text;
	free(text);
	return answers;
}

/* ---- the kernel ---- */

const char *start_kernel_of(const struct state *s, const char *wanted)
{
	const char *kernel = wanted ? wanted : s->kernel, *build = build_id_of(kernel);
	const char *other, *others;

	if (build && !strcmp(build, s->build))
		return kernel;
	other = wanted ? NULL : default_kernel();
	others = other ? build_id_of(other) : NULL;
	if (others && !strcmp(others, s->build))
		return other;
	if (access(kernel, F_OK))
		die("%s: its kernel %s (build %s) is missing%s%s%s%s", s->name, kernel, s->build,
			others ? "; " : "", others ? other : "", others ? " is build " : "",
			others ? others : "");
	die("%s: it was saved by build %s of the kernel, and %s is build %s", s->name, s->build,
		kernel, build ? build : "of another program");
}

/* ---- consoles ---- */

/* True for a parameter con=, conN=, ssl= or sslN=. */
static bool is_line(const char *param)
{
	const char *value = strchr(param, '=');

	return value && (!strncmp(param, "con", 3) || !strncmp(param, "ssl", 3)) &&
	       param + 3 + strspn(param + 3, "0123456789") == value;
}

bool start_has_line(const struct state *s, const char *param)
{
	for (const char **p = s->params; *p; p++)
		if (!strncmp(*p, param, strlen(param)))
			return true;
	return false;
}

bool start_has_init(const struct state *s)
{
	return start_has_line(s, "con4=null,fd:") && start_has_line(s, "con5=fd:");
}

/*
 * True if the new process cannot have a console with the parameter's value @value: it was a
 * descriptor or terminal of the saved process or, for a clone, two processes cannot share it.
 */
static bool is_tied(const struct start *st, const char *value)
{
	return strstr(value, "fd:") || strstr(value, "tty:") ||
	       (st->clone && (strstr(value, "port:") || strstr(value, "unix:")));
}

/* Adds the consoles of the built-in init, whose other ends nestctl or the keeper has. */
static void add_channels(struct line *l, const struct run *attached)
{
	int status, control, ready;

	if (attached) {
		add(l, format("con4=null,fd:%d", attached->status_end));
		add(l, format("con5=fd:%d,fd:%d", attached->control_end, attached->ready_fd));
		return;
	}
	l->keeper.fds[0] = kernel_pipe(1, &status);
	l->keeper.fds[1] = kernel_pipe(0, &control);
	l->keeper.fds[2] = kernel_pipe(1, &ready);
	l->ends[l->nr_ends++] = status;
	l->ends[l->nr_ends++] = control;
	l->ends[l->nr_ends++] = ready;
	add(l, format("con4=null,fd:%d", status));
	add(l, format("con5=fd:%d,fd:%d", control, ready));
}

/* Adds the consoles of the state, with replacements for those that the new process cannot have. */
static void add_lines(struct line *l, const struct start *st)
{
	bool init = start_has_init(st->state);

	/* an unset con0 would be the descriptors of standard input and output */
	if (!start_has_line(st->state, "con0=")) {
		const char *ours = st->attached ? attach_channel(st->attached, "con0=") : NULL;

		if (ours || !start_has_line(st->state, "con="))
			add(l, ours ? ours : "con0=null");
	}
	for (const char **p = st->state->params; *p; p++) {
		const char *value = strchr(*p, '='), *ours;

		if (!is_line(*p) ||
			(init && (!strncmp(*p, "con4=", 5) || !strncmp(*p, "con5=", 5))))
			continue;
		ours = st->attached ? attach_channel(st->attached, *p) : NULL;
		if (ours)
			add(l, ours);
		else if (is_tied(st, value + 1) && l->keeper.log && !strncmp(*p, "con1=", 5))
			add(l, format("con1=null,fd:%d", l->console_end));
		else if (is_tied(st, value + 1))
			add(l, format("%.*s=null", (int)(value - *p), *p));
		else
			add(l, *p);
	}
	if (init)
		add_channels(l, st->attached);
}

/* Opens the log of a machine, and the pipe from which the keeper reads the machine's output. */
static void begin_log(struct line *l, const struct start *st)
{
	int end;

	l->keeper.console = -1;
	if (!st->state->boot || st->attached)
		return;
	l->keeper.log = machine_log_begin(st->name, st->moves);
	if (!l->keeper.log)
		return;
	l->keeper.console = kernel_pipe(1, &end);
	fcntl(l->keeper.console, F_SETFL, O_NONBLOCK);
	l->ends[l->nr_ends++] = end;
	l->console_end = end;
}

/* ---- disks ---- */

/* Makes an empty file without a name, which the kernel will put over the state's layer. */
static int layer_file(void)
{
	int fd = temporary_file("the copy-on-write layer");

	fcntl(fd, F_SETFD, 0);
	return fd;
}

/*
 * Adds the disks. A machine's get flag k: the new file receives the data of the state's layers and
 * remains the disk's layer although it has no name, since the next kernel opens it, too.
 */
static void add_disks(struct line *l, int *files, const struct state *s)
{
	for (int i = 0; i < STATE_DISKS; i++) {
		const struct state_disk *d = &s->disks[i];

		files[i] = -1;
		if (!d->layer.name)
			continue;
		files[i] = layer_file();
		add(l, format("ubd%d%s%s=%s%s%s", i, d->flags, s->boot ? "k" : "",
			       fd_path(files[i]), d->backing ? "," : "",
			       d->backing ? without_commas(d->backing) : ""));
	}
}

/* ---- cards ---- */

void start_add_net(struct start_nets *n, const char *text)
{
	int number, end = 0;

	if (sscanf(text, "eth%d=%n", &number, &end) != 1 || !end)
		number = n->nr++;
	if (number < 0 || number >= STATE_CARDS)
		die("--net: no more than %d cards", STATE_CARDS);
	if (n->words[number])
		die("--net: eth%d is given twice", number);
	n->words[number] = run_absolute_card(text + end);
}

/* Returns the words of card @i: those of --net or of the state, or NULL. */
static const char *words_of(const struct start *st, int i)
{
	return st->nets.words[i] ?: st->state->cards[i];
}

/*
 * Adds to the words of a card what the other cards need: if --net was given, slirp beside a switch
 * takes questions for names with a dot only, as for nestctl run (run/cards.c).
 */
static const char *complete(const struct start *st, const char *words)
{
	bool given = false, beside = false;

	for (int i = 0; i < STATE_CARDS; i++) {
		given |= st->nets.words[i] != NULL;
		beside |= words_of(st, i) && run_is_card(words_of(st, i), "switch");
	}
	if (!given || !beside || !run_is_card(words, "slirp") || strstr(words, ",names="))
		return words;
	return format("%s,names=dotted", words);
}

/* Dies if --net makes two cards of slirp, which have the same address. */
static void check_nets(const struct start *st)
{
	int cards = 0, given = 0;

	for (int i = 0; i < STATE_CARDS; i++) {
		const char *words = words_of(st, i);

		if (!words || !run_is_card(words, "slirp"))
			continue;
		cards++;
		given += st->nets.words[i] != NULL;
	}
	if (given && cards > 1)
		die("--net: %s would have two cards of slirp; ethN=KIND names the card to replace",
			st->state->name);
}

static void add_cards(struct line *l, const struct start *st)
{
	const struct state *s = st->state;

	check_nets(st);
	for (int i = 0; i < STATE_CARDS; i++) {
		const char *args = words_of(st, i);

		if (!args)
			continue;
		args = complete(st, args);
		if (!strncmp(args, "fd,", 3))
			die("%s: eth%d was an inherited descriptor; --net gives it another network",
				s->name, i);
		if (!s->cards[i])
			warn("%s: it had no eth%d, so its guest must configure the card itself",
				s->name, i);
		if (st->clone)
			add(l, format("eth%d=%s", i, card_of_its_own(args)));
		else if (args != s->cards[i])
			add(l, format("eth%d=%s", i, args));
	}
}

/* ---- the next kernel of a machine ---- */

/* Warns once if the state is that of a machine, but has no parameters for its next kernel. */
static void warn_of_end(const struct start *st)
{
	static bool told;

	/* about an attached instance, nestctl reports this at the end (run/attend.c) */
	if (told || st->attached || st->state->boot ||
		!start_has_line(st->state, format("noreboot=%d", MACHINE_RESTARTS)))
		return;
	warn("%s: the state lacks the parameters of a boot, so a restart will end the machine",
		st->state->name);
	told = true;
}

/*
 * True if the parameter is for a disk or a network card that may have been plugged in after the
 * boot. A restart of the machine removes such a device.
 */
static bool is_plugged(const struct start *st, const char *param)
{
	if (!strncmp(param, "eth", 3))
		return !st->nets.words[atoi(param + 3)];
	return !strncmp(param, "ubd", 3);
}

static void hold(struct line *l, int fd)
{
	if (fd >= 0)
		l->keeper.held[l->keeper.nr_held++] = fd;
}

/*
 * Prepares the next kernel of a machine. Its parameters are those of state.boot, in which the
 * parameters of @l from index @from on replace those that set the same parameter or device. Its
 * descriptors stay open in the keeper or, if the instance is attached, in this process.
 */
static void prepare_next(struct line *l, int from, const struct start *st, const int *files)
{
	struct machine *m = xalloc(sizeof(*m));
	const char **argv;

	if (!machine_parse(st->state->boot, st->state->boot_size, m))
		die("%s: its boot is damaged", st->state->name);
	machine_rename(m, st->name, st->hostname);
	/* the audit log belonged to the `nestctl run` that made the saved instance */
	machine_drop(m, "audit=");
	l->keeper.initrd = initrd_make(m->job, m->job_size, NULL);
	fcntl(l->keeper.initrd, F_SETFD, FD_CLOEXEC);
	for (int i = from; i < l->argc; i++)
		machine_replace(m, l->argv[i], !is_plugged(st, l->argv[i]));
	machine_spare_cards(m);
	machine_replace(m, format("initrd=%s", fd_path(l->keeper.initrd)), true);
	argv = xalloc(((size_t)m->argc + 2) * sizeof(*argv));
	argv[0] = "nestling";
	memcpy(argv + 1, m->argv, ((size_t)m->argc + 1) * sizeof(*argv));
	for (int i = 0; i < STATE_DISKS; i++)
		hold(l, files[i]);
	for (int i = 0; i < l->nr_ends; i++)
		hold(l, l->ends[i]);
	hold(l, l->keeper.initrd);
	hold(l, machine_file(argv + 1, m->job, m->job_size));
	l->keeper.boot = argv;
	_Static_assert(sizeof(st->attached->argv) >= sizeof(m->argv) + sizeof(*argv), "room");
	if (st->attached)
		memcpy(st->attached->argv, argv, ((size_t)m->argc + 2) * sizeof(*argv));
}

/* ---- starting ---- */

/*
 * Returns the parameter user=, the host user that the kernel process becomes: that of --host-user
 * or, if nestctl runs as root, that of the saved instance. NULL: the kernel process keeps nestctl's
 * user.
 */
static const char *user_param(const struct start *st)
{
	const char *saved = NULL;

	if (st->host_user)
		return host_user_param(st->host_user);
	if (geteuid())
		return NULL;
	for (const char **p = st->state->params; *p; p++)
		if (!strncmp(*p, "user=", 5))
			saved = *p;
	return saved;
}

/* Closes this process's copies of the descriptors that the kernel and its keeper have by now. */
static void close_files(const struct line *l, const int *files)
{
	for (int i = 0; i < STATE_DISKS; i++)
		if (files[i] >= 0)
			close(files[i]);
	/* the initial archive and the file of the machine are the last two */
	for (int i = l->keeper.nr_held - 2; l->keeper.boot && i < l->keeper.nr_held; i++)
		close(l->keeper.held[i]);
}

void start_begin(struct start *st, const char *kernel)
{
	struct line l = { .argv = { "nestling" },
		.argc = 1,
		.keeper = { .kernel = kernel, .cwd = st->state->cwd, .fds = { -1, -1, -1 } } };
	const char *user = user_param(st);
	int files[STATE_DISKS], from;

	state_must_be_trusted(st->state, false);
	add(&l, format("restore=%s", st->state->folder));
	if (st->clone)
		add(&l, "identity=new");
	from = l.argc;
	add(&l, format("umid=%s", st->name));
	begin_log(&l, st);
	add_lines(&l, st);
	add_disks(&l, files, st->state);
	add_cards(&l, st);
	if (user)
		add(&l, user);
	for (const char *const *p = st->extra; p && *p; p++)
		add(&l, *p);
	if (st->state->boot)
		prepare_next(&l, from, st, files);
	warn_of_end(st);
	st->report = kernel_pipe(1, &l.keeper.report);
	l.ends[l.nr_ends++] = l.keeper.report;
	add(&l, format("ready=%d", l.keeper.report));
	if (st->hold) {
		add(&l, format("hold=%d,early", st->hold));
		l.ends[l.nr_ends++] = st->hold;
	}
	if (st->warm) {
		add(&l, "hold=console");
		l.keeper.waits = st->name;
	}
	l.argv[l.argc] = NULL;
	l.keeper.argv = l.argv;
	st->pidfd = -1;
	if (st->attached)
		st->kernel = start_kernel(st->attached, l.argv, st->attached->fds);
	else
		keeper_start(&l.keeper);
	for (int i = 0; i < KEEPER_FDS; i++)
		if (l.keeper.fds[i] >= 0)
			close(l.keeper.fds[i]);
	if (l.keeper.log) {
		close(l.keeper.console);
		close(l.keeper.log->fd);
		close(l.keeper.log->dir);
	}
	for (int i = 0; i < l.nr_ends; i++)
		close(l.ends[i]);
	if (l.keeper.boot && st->attached)
		fcntl(l.keeper.initrd, F_SETFD, 0);
	else
		close_files(&l, files);
}

/*
 * Returns a message about a kernel's end: its first error line, or its wait status, from a report.
 */
static const char *why(const struct start *st, const char *text)
{
	char *said;
	long status = strtol(text, &said, 10);

	said += *said == ' ';
	if (!strncmp(said, "nestling: ", 10))
		said += 10;
	said[strcspn(said, "\n")] = '\0';
	if (*said)
		return format("%s: %s", st->name, said);
	if (WIFSIGNALED((int)status))
		return format(
			"%s: its kernel was killed by signal %d", st->name, WTERMSIG((int)status));
	return format("%s: its kernel ended with status %d", st->name, WEXITSTATUS((int)status));
}

bool start_hear(struct start *st)
{
	char text[4096], *at = text;
	ssize_t n = read(st->report, text, sizeof(text) - 1);

	if (n < 0 && errno == EINTR)
		return true;
	text[n > 0 ? n : 0] = '\0';
	while (*at == 'r' || *at == 'w' || !strncmp(at, "k ", 2)) {
		st->runs |= *at == 'r';
		st->waits |= *at == 'w';
		if (*at++ != 'k')
			continue;
		st->kernel = (pid_t)strtol(at, &at, 10);
		if (st->pidfd >= 0)
			close(st->pidfd);
		st->pidfd = (int)syscall(SYS_pidfd_open, st->kernel, 0);
		at += *at == '\n';
	}
	if (n > 0 && !*at)
		return true;
	if (!strncmp(at, "e ", 2))
		st->error = why(st, at + 2);
	else
		st->error = format("%s: the process that keeps it has ended", st->name);
	return false;
}

/* Returns ms of CLOCK_MONOTONIC. */
static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void tick(const struct start *st)
{
	if (st->tick)
		st->tick(st->tick_arg);
}

bool start_await_held(struct start *st, int channel, enum start_held how)
{
	long end = now_ms() + START_MS;
	struct pollfd p[] = { { .fd = st->report, .events = POLLIN },
		{ .fd = channel, .events = POLLIN } };
	char letter;

	while (!st->error) {
		tick(st);
		if (now_ms() >= end)
			st->error = format("%s: it is not ready in time", st->name);
		if (poll(p, 2, TICK_MS) <= 0)
			continue;
		if (p[1].revents) {
			if (recv(channel, &letter, 1, MSG_DONTWAIT) == 1 && letter == (char)how)
				return true;
			/* the kernel has gone; the keeper reports the reason */
			p[1].fd = -1;
		}
		if (p[0].revents && !start_hear(st))
			break;
	}
	return false;
}

bool start_await(struct start *st)
{
	long end = now_ms() + START_MS;

	while (!st->error) {
		struct pollfd p = { .fd = st->report, .events = POLLIN };

		if (st->runs && st->kernel)
			return true;
		tick(st);
		if (poll(&p, 1, TICK_MS) > 0 && !start_hear(st))
			break;
		if (now_ms() >= end)
			st->error = format("%s: it does not run in time", st->name);
	}
	return false;
}

bool start_undo(struct start *st)
{
	const char *error = st->error;

	/* the last report is about the kernel that runs, if a machine has restarted */
	while (poll(&(struct pollfd){ .fd = st->report, .events = POLLIN }, 1,
		       st->kernel ? 0 : 1000) > 0 &&
		start_hear(st))
		;
	if (error)
		st->error = error;
	if (st->pidfd < 0)
		return !st->kernel;
	syscall(SYS_pidfd_send_signal, st->pidfd, SIGKILL, NULL, 0);
	return poll(&(struct pollfd){ .fd = st->pidfd, .events = POLLIN }, 1, 10000) > 0;
}
