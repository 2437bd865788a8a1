/* SPDX-License-Identifier: MIT */
/*
 * attach.c: `nestctl attach`: prints what a kept instance writes from now on, and carries input to
 * it.
 *
 * Output comes from the log, like that of `nestctl logs -f`: a slow terminal does not hold up the
 * program, and the log is complete when the state shows the end. Input, sizes and signals go to the
 * supervisor. The command has ended when the state counts more ends than at first, or when its
 * supervisor has gone. The log is then read once more.
 */
#include "tools/nestctl/service/attach.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/terminal.h"
#include "tools/nestctl/service/log.h"
#include "tools/nestctl/service/service.h"

#define KEYS_MAX 16
#define LOOK_MS 100
#define READ_MAX 2048
#define WAITING_MAX 65536
#define PACKET_MAX 4096

/*
 * The state of an attach. @control: socket to the supervisor, or -1. @signals: a signalfd. @watch:
 * of log_watch().
 */
struct attach {
	struct service s;
	const struct attach_options *how;
	struct log_reader log;
	/* how often the command had ended before attach began */
	unsigned int ends;
	int control, signals, watch;
	bool input; /* standard input is not yet at its end */
	bool terminal;
	/*
	 * input for which the supervisor has no room yet. @end_waits: the input's end follows it.
	 */
	char waiting[WAITING_MAX];
	size_t nr_waiting;
	bool end_waits;
	unsigned char keys[KEYS_MAX];
	size_t nr_keys, hit; /* @hit: how many of @keys were typed */
};

/* Parses "ctrl-p,ctrl-q" or "ctrl-a,d" into the keys that detach. "": no keys. */
static void parse_keys(struct attach *a, const char *text)
{
	char *copy = format("%s", text);

	for (char *word; *text && (word = strsep(&copy, ","));) {
		bool ctrl = !strncasecmp(word, "ctrl-", 5);
		int c = toupper((unsigned char)word[ctrl ? 5 : 0]);

		if (a->nr_keys == KEYS_MAX || !c || word[ctrl ? 6 : 1] ||
			(ctrl && (c < '@' || c > '_')))
			die("attach: --detach-keys %s: expected letters and ctrl-LETTER, with "
			    "commas",
				text);
		a->keys[a->nr_keys++] = (unsigned char)(ctrl ? c - '@' : word[0]);
	}
}

/* ---- output ---- */

/* Prints the available output. Returns false if standard output or error cannot be written. */
static bool print_log(struct attach *a)
{
	struct log_record rec;

	while (log_next(&a->log, &rec)) {
		int to = rec.stream == LOG_OUT ? 1 : 2;

		if (rec.stream == LOG_OURS)
			warn("%.*s", (int)rec.size, rec.text);
		else if (!put_all(to, rec.text, rec.size, NULL) ||
			 (rec.whole && !put_all(to, "\n", 1, NULL)))
			return false;
	}
	if (a->log.lost)
		warn("output was lost: it came faster than it could be shown");
	a->log.lost = false;
	return true;
}

/* ---- input ---- */

/*
 * Sends the waiting input as far as the socket has room. Must not block, since a program may never
 * read.
 */
static void push_input(struct attach *a)
{
	char packet[PACKET_MAX + 1];

	packet[0] = CONTROL_INPUT;
	while (a->nr_waiting) {
		size_t n = a->nr_waiting < PACKET_MAX ? a->nr_waiting : PACKET_MAX;

		memcpy(packet + 1, a->waiting, n);
		if (send(a->control, packet, n + 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
			if (errno == EAGAIN || errno == EINTR)
				return;
			n = a->nr_waiting; /* the supervisor has ended: drop it */
		}
		memmove(a->waiting, a->waiting + n, a->nr_waiting - n);
		a->nr_waiting -= n;
	}
	if (a->end_waits && (send(a->control, "E", 1, MSG_NOSIGNAL | MSG_DONTWAIT) > 0 ||
				    (errno != EAGAIN && errno != EINTR)))
		a->end_waits = false;
}

/*
 * Queues input. Bytes for which there is no room are lost, as on a terminal. Input from a pipe
 * always has room, since carry() reads only while there is some.
 */
static void add_input(struct attach *a, const unsigned char *text, size_t n)
{
	size_t room = WAITING_MAX - a->nr_waiting;

	n = n < room ? n : room;
	memcpy(a->waiting + a->nr_waiting, text, n);
	a->nr_waiting += n;
}

/*
 * Queues and sends typed input, but not the keys that detach. True once all keys that detach were
 * typed.
 */
static bool type(struct attach *a, const unsigned char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (a->nr_keys && text[i] == a->keys[a->hit]) {
			if (++a->hit == a->nr_keys)
				return true;
			continue;
		}
		add_input(a, a->keys, a->hit);
		/* a key that breaks the sequence may begin it again */
		a->hit = a->nr_keys && text[i] == a->keys[0] ? 1 : 0;
		if (!a->hit)
			add_input(a, &text[i], 1);
	}
	push_input(a);
	return false;
}

/* Reads and passes on available input. True once all keys that detach were typed. */
static bool read_input(struct attach *a)
{
	unsigned char buf[READ_MAX];
	ssize_t n = read(0, buf, sizeof(buf));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return false;
	if (n > 0)
		return type(a, buf, (size_t)n);
	a->input = false;
	a->end_waits = true;
	push_input(a);
	return false;
}

/* Sends the terminal's size, with @more rows and columns. */
static void send_size(const struct attach *a, unsigned int more)
{
	struct winsize ws;
	char text[64];
	int n;

	if (!a->s.spec.tty || ioctl(0, TIOCGWINSZ, &ws))
		return;
	n = snprintf(text, sizeof(text), "W%u %u", ws.ws_row + more, ws.ws_col + more);
	send(a->control, text, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Blocks the signals that carry() handles, and makes a signalfd for them. */
static void take_signals(struct attach *a)
{
	static const int taken[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2 };
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	sigaddset(&set, SIGTSTP);
	for (size_t i = 0; !a->how->no_signals && i < sizeof(taken) / sizeof(taken[0]); i++)
		sigaddset(&set, taken[i]);
	a->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	/* with SIGTTIN blocked, a background read fails with EIO, and does not stop nestctl */
	sigaddset(&set, SIGTTIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

/*
 * Passes a signal on to the command. True if nestctl must end: the terminal has gone (SIGHUP), or
 * no command takes the signal.
 */
static bool pass_signal(struct attach *a)
{
	struct signalfd_siginfo info;

	if (read(a->signals, &info, sizeof(info)) != sizeof(info))
		return false;
	if (info.ssi_signo == SIGTSTP) {
		terminal_stop();
		send_size(a, 1);
	}
	if (info.ssi_signo == SIGTSTP || info.ssi_signo == SIGWINCH) {
		send_size(a, 0);
		return false;
	}
	/* by another connection, since input may wait for room on a->control */
	return info.ssi_signo == SIGHUP || !service_signal(&a->s, (int)info.ssi_signo);
}

/* ---- the loop ---- */

/* True if the command has ended since attach began. *st: the present state. */
static bool has_ended(const struct attach *a, struct service_state *st)
{
	*st = service_state_read(&a->s);
	return st->ends != a->ends || st->phase == PHASE_EXITED;
}

/*
 * Carries output, input and signals until the command ends, the keys that detach were typed, or a
 * signal ends nestctl. Returns nestctl's exit status as attach_started() does.
 */
static int carry(struct attach *a)
{
	struct service_state st;

	for (;;) {
		bool ended = has_ended(a, &st);
		const bool waits = a->nr_waiting || a->end_waits;
		const bool room = a->nr_waiting + READ_MAX + KEYS_MAX <= WAITING_MAX;
		struct pollfd p[4] = { { .fd = a->watch, .events = POLLIN },
			{ .fd = a->signals, .events = POLLIN },
			{ .fd = a->input && (room || a->terminal) ? 0 : -1, .events = POLLIN },
			{ .fd = waits ? a->control : -1, .events = POLLOUT } };

		if (!print_log(a)) {
			if (errno != EPIPE)
				warn("standard output: %s", strerror(errno));
			return 1;
		}
		if (ended)
			return st.exit;
		poll(p, 4, LOOK_MS);
		log_wait(a->watch, -1, 0);
		if (p[1].revents && pass_signal(a))
			return 0;
		if (waits && p[3].revents)
			push_input(a);
		if (p[2].revents && read_input(a)) {
			terminal_restore();
			warn("detached from %s", a->s.name);
			return 0;
		}
		/* discard replies of the supervisor */
		while (recv(a->control, &(char){ 0 }, 1, MSG_DONTWAIT) > 0)
			;
	}
}

/* Attaches to the running instance. Returns nestctl's exit status. */
static int attach_to(struct attach *a)
{
	pid_t pid;
	int status;

	a->input = a->how->input && a->s.spec.input;
	a->terminal = a->s.spec.tty && a->input && isatty(0);
	if (a->terminal || a->how->keys)
		parse_keys(a, a->how->keys ?: "ctrl-p,ctrl-q");
	take_signals(a);
	a->watch = log_watch(a->s.dir);
	a->control = control_connect(&a->s, &pid);
	if (a->control >= 0 && a->terminal)
		terminal_raw(false);
	if (a->control >= 0 && isatty(0)) {
		/* two sizes, so that the program sees a change and draws its screen again */
		send_size(a, 1);
		send_size(a, 0);
	}
	/* the instance has ended: only print its log */
	if (a->control < 0)
		a->input = false;
	status = carry(a);
	terminal_restore();
	return status;
}

int attach_started(const char *name, const struct attach_options *how)
{
	static struct attach a;
	const char *why;

	a.s = service_open(name);
	a.how = how;
	log_reader_open(&a.log, a.s.dir);
	log_seek_tail(&a.log, 0);
	a.ends = service_state_read(&a.s).ends;
	if (service_lock(&a.s)) {
		a.ends = service_state_read(&a.s).ends;
		why = service_start(&a.s);
		if (why)
			die("%s: %s", name, why);
	}
	return attach_to(&a);
}

static int attach(int argc, char **argv)
{
	struct attach_options how = { .input = true };
	static struct attach a;
	struct service_state st;

	a.how = &how;
	open_standard_streams();
	for (int key; (key = next_option(&cmd_attach, argc, argv));)
		switch (key) {
		case 'k': how.keys = optarg; break;
		case 'n': how.input = false; break;
		default:
			how.no_signals = !strcmp(optarg ?: "true", "false");
			if (!how.no_signals && optarg && strcmp(optarg, "true") != 0)
				die("attach: --sig-proxy=%s: expected true or false", optarg);
		}
	a.s = service_open(take_words(&cmd_attach, argc, argv, 1, 1)[0]);
	log_reader_open(&a.log, a.s.dir);
	log_seek_tail(&a.log, 0);
	st = service_state_read(&a.s);
	if (st.phase != PHASE_RUNNING && st.phase != PHASE_RESTARTING)
		die("%s: does not run; nestctl start -a starts it", a.s.name);
	a.ends = st.ends;
	return attach_to(&a);
}

enum { KEY_SIG_PROXY = 256 };
static const struct option_row options[] = {
	{ 'k', "detach-keys", "KEYS",
		"keys that end nestctl and leave the instance running: letters and ctrl-LETTER, "
		"with commas (ctrl-p,ctrl-q on a terminal)" },
	{ 'n', "no-stdin", NULL, "do not pass on standard input" },
	{ KEY_SIG_PROXY, "sig-proxy", "[=true|false]", "pass signals on to the command (true)" },
	{ 0 },
};

const struct command cmd_attach = {
	.name = "attach",
	.args = "NAME",
	.help = "Shows what a detached instance writes from now on, and passes on input.",
	.text = "For instances of `nestctl run -d`. Input is passed on if it was started with -i; "
		"with -it it has a terminal, and the keys ctrl-p ctrl-q detach from it. Signals go "
		"to the command, but SIGHUP ends nestctl alone. The instance does not wait for a "
		"slow reader.",
	.exits = "that of the command, 0 once detached",
	.options = options,
	.run = attach,
};
