/* SPDX-License-Identifier: MIT */
/*
 * supervise.c: the process that stays with an instance of `nestctl run -d`.
 *
 * States, from the folder's file `state`:
 *
 *	created ── start_child() ──▶ running ── child_ended() ──▶ exited: the supervisor ends
 *	                                ▲                     └─▶ restarting, for a while
 *	                                └──────── start_child() ────┘
 *
 * The child is run_here(), in a session of its own, with pipes or a pseudoterminal. One loop
 * carries its output to the log, and packets of the control socket to its input. A slow disk holds
 * up the program; readers of the log do not.
 *
 * Invariants:
 * 1. All output of a child is in the log before the state shows the child's end.
 * 2. The lock is held until the last state is written. It is released when this process ends, even
 *    by SIGKILL. The child and the guest's kernel then die too (PR_SET_PDEATHSIG).
 * 3. Once a packet "S" is answered, this supervisor starts no further child.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "os-linux/end.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/umid.h"
#include "tools/nestctl/run/run.h"
#include "tools/nestctl/service/events.h"
#include "tools/nestctl/service/log.h"
#include "tools/nestctl/service/service.h"

#define CLIENTS_MAX 32
#define SAID_MAX 4096
#define INPUT_MAX 65536
/* pause before a restart, doubled by each restart, and reset if the command ran RAN_LONG_NS */
#define DELAY_MS 100
#define DELAY_MAX_MS 60000
#define RAN_LONG_NS 10000000000L
/* how often a restart waits DELAY_MS for the previous kernel's end */
#define WAITS_MAX 100
/* the exit status of a start that failed */
#define NO_CHILD 125
/* time between two polls for lost data (lost.c) */
#define LOOK_NS 10000000000L
/* seconds beyond the command's time, after which the child is killed */
#define PATIENCE_S 30

/* Indices of the loop's descriptors. */
enum { AT_SIGNAL, AT_LISTEN, AT_OUT, AT_ERR, AT_STARTED, AT_INPUT, AT_CLIENTS };

static struct super {
	struct service *s;
	struct restart policy;
	struct service_state st;
	struct log log;
	int signals, listener, told;
	pid_t child;
	bool started;
	/* a request to stop was received */
	bool stopping;
	/* pipes from the child, -1 without one: reports of its start, its output, its errors */
	int started_fd, out, err;
	/*
	 * the child's input, -1 without one, and bytes that wait for room in it. @end_waits: close
	 * it after these bytes.
	 */
	int input;
	char waiting[INPUT_MAX];
	size_t nr_waiting;
	bool end_waits;
	int clients[CLIENTS_MAX];
	/*
	 * for each client: its next packet is input that has no room yet. Other clients are still
	 * read.
	 */
	bool blocked[CLIENTS_MAX];
	/* the terminal size that a client sent last */
	struct winsize size;
	/*
	 * when the child started, and when to start the next one (0: not), in ns of CLOCK_BOOTTIME
	 */
	int64_t began, start_at;
	int64_t delay_ms;
	/* how often start_again() has waited for the previous kernel */
	int waits;
	/* when to poll the kernel for lost data, or 0 */
	int64_t look_at;
	/* the child's first errors, until its command has started */
	char said[SAID_MAX];
	size_t nr_said;
} super;

static const int ignored[] = { SIGPIPE, SIGHUP, SIGINT, SIGQUIT };

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int64_t steady_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

static void save(void)
{
	service_state_write(super.s, &super.st);
}

static void __attribute__((format(printf, 1, 2))) note(const char *fmt, ...)
{
	char text[512];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(text, sizeof(text) - 1, fmt, args);
	va_end(args);
	n = n < (int)sizeof(text) - 1 ? n : (int)sizeof(text) - 2;
	text[n++] = '\n';
	log_write(&super.log, LOG_OURS, text, (size_t)n);
}

/* Writes the reason of a failed start into the file `error`, for nestctl inspect. */
static void keep_error(const char *why)
{
	int fd = openat(super.s->dir, "error", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd >= 0)
		put_all(fd, why, strlen(why), NULL);
	close_fd(&fd);
}

/* ---- the child ---- */

/* @fds and @started: the child's ends of its streams. The supervisor's ends are in @super. */
struct ends {
	int fds[3], started;
};

static void make_pipe(int *read_end, int *write_end, int *ours)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		die("pipe: %s", strerror(errno));
	*read_end = fds[0];
	*write_end = fds[1];
	fcntl(*ours, F_SETFL, fcntl(*ours, F_GETFL) | O_NONBLOCK);
}

static void make_terminal(struct ends *e)
{
	int master, slave;

	if (openpty(&master, &slave, NULL, NULL, super.size.ws_row ? &super.size : NULL))
		die("no pseudoterminal: %s", strerror(errno));
	fcntl(master, F_SETFD, FD_CLOEXEC);
	fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK);
	super.out = master;
	super.input = super.s->spec.input ? fcntl(master, F_DUPFD_CLOEXEC, 3) : -1;
	for (int i = 0; i < 3; i++)
		e->fds[i] = slave;
}

static void make_streams(void *arg)
{
	struct ends *e = arg;

	make_pipe(&super.started_fd, &e->started, &super.started_fd);
	if (super.s->spec.tty)
		return make_terminal(e);
	make_pipe(&super.out, &e->fds[1], &super.out);
	make_pipe(&super.err, &e->fds[2], &super.err);
	if (super.s->spec.input)
		make_pipe(&e->fds[0], &super.input, &super.input);
	else
		e->fds[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/*
 * Returns the words of `nestctl run` for the child. They are made for each start, since a rename
 * changes name and folder.
 */
static char **child_words(int *argc)
{
	const struct spec *c = &super.s->spec;
	size_t n = 0, nr_words = 0, nr_command = 0;
	char **argv;

	while (c->words[nr_words])
		nr_words++;
	while (c->command[nr_command])
		nr_command++;
	argv = xalloc((nr_words + nr_command + 8) * sizeof(*argv));
	argv[n++] = format("run");
	argv[n++] = format("--name=%s", super.s->name);
	if (c->own_layer)
		argv[n++] = format("--keep=%s/layer", super.s->folder);
	argv[n++] = format(c->tty ? "--tty" : "--no-tty");
	for (size_t i = 0; i < nr_words; i++)
		argv[n++] = c->words[i];
	argv[n++] = format("%s", c->file);
	argv[n++] = format("--");
	for (size_t i = 0; i < nr_command; i++)
		argv[n++] = c->command[i];
	*argc = (int)n;
	return argv;
}

static void __attribute__((noreturn)) run_child(const struct ends *e, pid_t parent)
{
	struct run r;
	sigset_t none;
	char **argv;
	int argc, folder;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	setsid();
	for (int i = 0; i < 3; i++)
		if (dup2(e->fds[i], i) < 0)
			_exit(1);
	if (super.s->spec.tty)
		ioctl(0, TIOCSCTTY, 0);
	argv = child_words(&argc);
	/* the child closes its copy of the lock, which must not outlive the supervisor */
	folder = fcntl(super.s->dir, F_DUPFD_CLOEXEC, 5);
	if (e->started != 3)
		dup3(e->started, 3, O_CLOEXEC);
	dup3(folder, 4, O_CLOEXEC);
	close_range(5, ~0U, 0);
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	optind = 0;
	run_parse(&r, argc, argv);
	r.supervised = true;
	r.started_fd = 3;
	r.lost_fd = fcntl(3, F_DUPFD_CLOEXEC, 5);
	r.folder_fd = 4;
	exit(finish_output(run_here(&r)));
}

static void close_ends(const struct ends *e)
{
	for (int i = 0; i < 3; i++)
		if (e->fds[i] >= 0 && (!i || e->fds[i] != e->fds[0]))
			close(e->fds[i]);
	if (e->started >= 0)
		close(e->started);
}

/* Starts the child. Returns NULL, or the reason why it could not be started. */
static const char *start_child(void)
{
	struct ends e = { .fds = { -1, -1, -1 }, .started = -1 };
	pid_t parent = getpid(), pid = -1;
	const char *why = attempt(make_streams, &e);

	super.started = false;
	super.nr_said = super.nr_waiting = 0;
	super.end_waits = false;
	super.start_at = 0;
	unlinkat(super.s->dir, "error", 0);
	unlinkat(super.s->dir, "oom", 0);
	super.st.oom = super.st.lost = false;
	/*
	 * fork outside of attempt(): inside, a die() of the child would jump into the supervisor's
	 * code
	 */
	if (!why)
		pid = fork();
	if (!pid)
		run_child(&e, parent);
	if (!why && pid < 0)
		why = format("no process for it: %s", task_error(errno));
	close_ends(&e);
	super.child = pid > 0 ? pid : 0;
	super.st.phase = PHASE_RUNNING;
	super.st.started = now_ns();
	super.began = steady_ns();
	save();
	return why;
}

static void take_health(void)
{
	const enum health before = super.st.health;

	super.st.health = health_now(&super.st.failing);
	save();
	if (super.st.health != before && super.st.health != HEALTH_STARTING)
		event_service(super.s, format("health_status: %s", health_word(super.st.health)),
			NULL, NULL);
}

/* ---- the start, as the caller sees it ---- */

static void tell(const char *text)
{
	if (super.told >= 0)
		put_all(super.told, text, strlen(text), NULL);
	close_fd(&super.told);
}

static void see_start(void)
{
	char c;

	super.started = read(super.started_fd, &c, 1) == 1;
	if (!super.started)
		return close_fd(&super.started_fd);
	super.look_at = steady_ns() + LOOK_NS;
	health_begin(super.s, steady_ns());
	take_health();
	event_service(super.s, "start", NULL, NULL);
	tell("r");
}

/* ---- data that the host has refused ---- */

static void take_loss(const char *what)
{
	if (super.st.lost)
		return;
	super.st.lost = true;
	super.look_at = 0;
	save();
	event_service(super.s, "lost", "what", what);
}

/* Asks the kernel for lost data. The child itself reports such data when it ends. */
static void look_for_loss(void)
{
	char *what = lost_ask(super.s->name);

	super.look_at = steady_ns() + LOOK_NS;
	if (what)
		take_loss(what);
	free(what);
}

/* ---- output ---- */

/* Reads available output and writes it to the log. Returns false at the end of the stream. */
static bool carry(int fd, enum log_stream stream)
{
	char buf[65536];
	ssize_t n = read(fd, buf, sizeof(buf));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0)
		return false;
	if (!super.started && (stream == LOG_ERR || super.s->spec.tty)) {
		size_t room = SAID_MAX - super.nr_said, k = (size_t)n < room ? (size_t)n : room;

		memcpy(super.said + super.nr_said, buf, k);
		super.nr_said += k;
	}
	log_write(&super.log, stream, buf, (size_t)n);
	return true;
}

/*
 * Carries the output that an ended child has left. Does not wait for the end of the stream, since
 * the process that makes the child's template may hold the pipe open.
 */
static void drain(int *fd, enum log_stream stream)
{
	while (*fd >= 0 && poll(&(struct pollfd){ .fd = *fd, .events = POLLIN }, 1, 0) > 0 &&
		carry(*fd, stream))
		;
	close_fd(fd);
}

/* ---- the child's end ---- */

/*
 * Writes the last state and ends the supervisor. @why: the reason why the first start failed, or
 * NULL. It is reported last, since the nestctl that reads it may start the instance again at once.
 */
static void __attribute__((noreturn)) end(const char *why)
{
	super.st.phase = PHASE_EXITED;
	super.st.supervisor = 0;
	save();
	if (super.s->spec.rm)
		service_remove(super.s);
	tell(why ?: "");
	exit(0);
}

/* Returns the reason why the command never started. */
static const char *failure(void)
{
	const char *text = format("%.*s", (int)super.nr_said, super.said);
	const char *last = text;

	/* take the last line, since warnings come before it */
	for (const char *p = text; (p = strchr(p, '\n')) && p[1];)
		last = ++p;
	last += !strncmp(last, "nestctl: ", 9) ? 9 : 0;
	last += !strncmp(last, "nestling: ", 10) ? 10 : 0;
	return *last ? format("%.*s", (int)strcspn(last, "\r\n"), last) :
		       "the instance ended before its command started";
}

static void child_ended(int status)
{
	pid_t child = super.child;
	char c;

	if (super.started_fd >= 0 && !super.started)
		see_start();
	if (super.started_fd >= 0 && read(super.started_fd, &c, 1) == 1 && c == 'l')
		take_loss("data of the guest");
	close_fd(&super.started_fd);
	super.look_at = 0;
	drain(&super.out, LOG_OUT);
	drain(&super.err, LOG_ERR);
	close_fd(&super.input);
	super.child = 0;
	/* a kernel does not remove its folder if that was renamed: do it here */
	for (int i = 0; i < 2; i++)
		if (umid_home(i))
			umid_remove_ended(format("%s/%s", umid_home(i), super.s->name), child);
	health_end();
	super.st.health = health_now(&super.st.failing);
	super.st.exit = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	super.st.ends++;
	super.st.finished = now_ns();
	super.st.oom = !faccessat(super.s->dir, "oom", F_OK, 0);
	if (super.st.oom)
		event_service(super.s, "oom", NULL, NULL);
	event_service(super.s, "die", "exitCode", format("%d", super.st.exit));
	/* the first start has failed: the caller still waits for its result */
	if (super.told >= 0) {
		super.st.stopped = true;
		keep_error(failure());
		end(failure());
	}
	if (super.stopping)
		event_service(super.s, "stop", NULL, NULL);
	if (!restart_wanted(&super.policy, &super.st))
		end(NULL);
	if (steady_ns() - super.began >= RAN_LONG_NS)
		super.delay_ms = DELAY_MS;
	super.start_at = steady_ns() + super.delay_ms * 1000000L;
	super.delay_ms = 2 * super.delay_ms < DELAY_MAX_MS ? 2 * super.delay_ms : DELAY_MAX_MS;
	super.st.restarts++;
	super.st.phase = PHASE_RESTARTING;
	save();
}

static void start_again(void)
{
	const char *why;

	/* on a busy host a killed kernel takes time to end, and holds the name until then */
	if (super.waits < WAITS_MAX && umid_served(super.s->name)) {
		super.waits++;
		super.start_at = steady_ns() + DELAY_MS * 1000000L;
		return;
	}
	super.waits = 0;
	why = start_child();
	if (!why)
		return;
	note("cannot start it: %s", why);
	keep_error(why);
	child_ended(NO_CHILD << 8);
}

/* ---- requests ---- */

static void ask_child(int sig, int value)
{
	if (super.child)
		sigqueue(super.child, sig, (union sigval){ value });
}

static void stop(int sig, int seconds)
{
	super.st.stopped = super.stopping = true;
	save();
	if (!super.child)
		end(NULL);
	event_service(super.s, "kill", "signal", format("%d", sig));
	ask_child(SIGTERM, END_VALUE(sig, seconds));
	alarm((unsigned int)seconds + PATIENCE_S);
}

static void set_size(const char *text)
{
	unsigned int rows, columns;

	if (sscanf(text, "%u %u", &rows, &columns) != 2 || rows > 65535 || columns > 65535)
		return;
	super.size.ws_row = (unsigned short)rows;
	super.size.ws_col = (unsigned short)columns;
	if (super.s->spec.tty && super.out >= 0)
		ioctl(super.out, TIOCSWINSZ, &super.size);
}

/* Writes the waiting bytes to the child's input, as far as there is room. */
static void push_input(void)
{
	ssize_t n = super.input < 0 ? -1 : write(super.input, super.waiting, super.nr_waiting);

	if (n < 0 && (errno == EAGAIN || errno == EINTR) && super.input >= 0)
		return;
	if (n < 0)
		n = (ssize_t)super.nr_waiting; /* no reader: drop the bytes */
	memmove(super.waiting, super.waiting + n, super.nr_waiting - (size_t)n);
	super.nr_waiting -= (size_t)n;
	if (!super.nr_waiting && super.end_waits && !super.s->spec.tty)
		close_fd(&super.input);
}

static void take_name(void *name)
{
	service_rename(super.s, name);
}

/*
 * Renames the running instance: first the folder of its kernel, in which only the sockets matter,
 * then its own folder.
 */
static void rename_it(void *arg)
{
	const char *name = arg, *old = umid_served(super.s->name), *new = NULL, *why;

	service_check_name(name);
	service_check_free(name);
	if (!old && super.child)
		die("%s: is just starting or ending", super.s->name);
	if (old) {
		new = format("%.*s%s", (int)(strrchr(old, '/') + 1 - old), old, name);
		/* remove what a killed kernel has left under the new name */
		umid_remove_dead(new);
		if (renameat2(AT_FDCWD, old, AT_FDCWD, new, RENAME_NOREPLACE))
			die("%s: %s", new, strerror(errno));
	}
	why = attempt(take_name, arg);
	if (why && old)
		rename(new, old);
	if (why)
		die("%s", why);
}

static void answer_rename(int fd, const char *name)
{
	const char *why = attempt(rename_it, (void *)name), *reply = format("R%s", why ?: "");

	if (!why)
		reply = "D";
	send(fd, reply, strlen(reply), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void obey(int fd, const char *packet, size_t n)
{
	int sig = 0, seconds = 0;

	switch (*packet) {
	case CONTROL_STOP:
		if (sscanf(packet + 1, "%d %d", &sig, &seconds) != 2)
			break;
		send(fd, "D", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		stop(sig, seconds);
		break;
	case CONTROL_SIGNAL:
		if (sscanf(packet + 1, "%d", &sig) == 1) {
			ask_child(SIGUSR1, sig);
			event_service(super.s, "kill", "signal", format("%d", sig));
		}
		send(fd, "D", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		break;
	case CONTROL_RENAME: answer_rename(fd, packet + 1); break;
	case CONTROL_INPUT:
		memcpy(super.waiting + super.nr_waiting, packet + 1, n - 1);
		super.nr_waiting += n - 1;
		push_input();
		break;
	case CONTROL_END:
		super.end_waits = true;
		push_input();
		break;
	case CONTROL_SIZE: set_size(packet + 1); break;
	default: break;
	}
}

static bool has_room(void)
{
	return super.nr_waiting + CONTROL_MAX <= INPUT_MAX;
}

static void hear(int *client, bool *blocked)
{
	static char packet[CONTROL_MAX + 1];
	ssize_t n = recv(*client, packet, 1, MSG_DONTWAIT | MSG_PEEK);

	*blocked = n > 0 && *packet == CONTROL_INPUT && !has_room();
	if (*blocked)
		return;
	n = recv(*client, packet, CONTROL_MAX, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		return close_fd(client);
	packet[n] = '\0';
	obey(*client, packet, (size_t)n);
}

static void take_client(void)
{
	int fd = accept4(super.listener, NULL, NULL, SOCK_CLOEXEC);

	for (int i = 0; fd >= 0 && i < CLIENTS_MAX; i++)
		if (super.clients[i] < 0) {
			super.clients[i] = fd;
			super.blocked[i] = false;
			return;
		}
	if (fd >= 0)
		close(fd);
}

/* ---- signals ---- */

static void reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == super.child)
			child_ended(status);
		else if (health_reap(pid, status, steady_ns()))
			take_health();
}

static void hear_signal(void)
{
	struct signalfd_siginfo info;

	if (read(super.signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGCHLD)
		reap();
	else if (info.ssi_signo == SIGALRM && super.child)
		kill(super.child, SIGKILL);
	else if (info.ssi_signo == SIGTERM) /* the host shuts down */
		stop(super.s->spec.stop_signal, super.s->spec.stop_timeout);
}

static void take_signals(void)
{
	sigset_t set;

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGALRM);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	super.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (super.signals < 0)
		die("signalfd: %s", strerror(errno));
}

/* ---- the loop ---- */

/* Returns the milliseconds until a start, a check or a poll is due, or -1 if none is due. */
static int wait_ms(void)
{
	const int64_t check = health_due(), start = super.start_at;
	const int64_t first = !check || (start && start < check) ? start : check;
	const int64_t look = super.look_at, at = !first || (look && look < first) ? look : first;
	const int64_t left = (at - steady_ns()) / 1000000 + 1;

	return !at ? -1 : left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

static void step(void)
{
	const bool room = has_room();
	struct pollfd p[AT_CLIENTS + CLIENTS_MAX] = {
		[AT_SIGNAL] = { .fd = super.signals, .events = POLLIN },
		[AT_LISTEN] = { .fd = super.listener, .events = POLLIN },
		[AT_OUT] = { .fd = super.out, .events = POLLIN },
		[AT_ERR] = { .fd = super.err, .events = POLLIN },
		[AT_STARTED] = { .fd = super.started ? -1 : super.started_fd, .events = POLLIN },
		[AT_INPUT] = { .fd = super.nr_waiting ? super.input : -1, .events = POLLOUT },
	};

	for (int i = 0; i < CLIENTS_MAX; i++)
		p[AT_CLIENTS + i] =
			(struct pollfd){ .fd = room || !super.blocked[i] ? super.clients[i] : -1,
				.events = POLLIN };
	if (poll(p, AT_CLIENTS + CLIENTS_MAX, wait_ms()) < 0)
		return;
	if (p[AT_STARTED].revents)
		see_start();
	if (p[AT_OUT].revents && super.out >= 0 && !carry(super.out, LOG_OUT))
		close_fd(&super.out);
	if (p[AT_ERR].revents && super.err >= 0 && !carry(super.err, LOG_ERR))
		close_fd(&super.err);
	if (p[AT_INPUT].revents)
		push_input();
	for (int i = 0; i < CLIENTS_MAX; i++)
		if (p[AT_CLIENTS + i].revents)
			hear(&super.clients[i], &super.blocked[i]);
	if (p[AT_LISTEN].revents)
		take_client();
	if (p[AT_SIGNAL].revents)
		hear_signal();
	health_step(steady_ns());
	if (super.look_at && steady_ns() >= super.look_at)
		look_for_loss();
	if (super.start_at && steady_ns() >= super.start_at)
		start_again();
}

static void begin(void *arg)
{
	struct service *s = arg;

	super.policy = restart_parse(s->spec.restart);
	log_open(&super.log, s->dir, s->spec.log_size, s->spec.log_files);
	take_signals();
	super.listener = control_listen(s);
}

void supervise(struct service *s, int told)
{
	struct service_state old = service_state_read(s);
	const char *why;

	gain_no_rights();
	super = (struct super){ .s = s,
		.told = told,
		.signals = -1,
		.listener = -1,
		.started_fd = -1,
		.out = -1,
		.err = -1,
		.input = -1,
		.delay_ms = DELAY_MS };
	for (int i = 0; i < CLIENTS_MAX; i++)
		super.clients[i] = -1;
	super.st = (struct service_state){
		.phase = PHASE_CREATED, .exit = old.exit, .ends = old.ends, .supervisor = getpid()
	};
	why = attempt(begin, s) ?: start_child();
	if (why) {
		super.st.exit = NO_CHILD;
		super.st.ends++;
		keep_error(why);
		if (told < 0)
			warn("%s: %s", s->name, why);
		end(why);
	}
	for (;;)
		step();
}
