/* SPDX-License-Identifier: MIT */
/*
 * exec.c: `nestctl exec UMID -- COMMAND`: runs a command in a running instance. Three threads carry
 * its channels while the main thread waits for its end and for signals. The kernel's half is
 * drivers/mconsole/exec.c; docs/nestctl.md describes both.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "drivers/mconsole/exec_host.h"
#include "tools/nestctl/core/command.h"
#include "tools/nestctl/run/env_file.h"
#include "tools/nestctl/run/exec.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/terminal.h"
#include "tools/nestctl/run/run.h"
#include "tools/nestctl/state/state.h"

#define GRACE 10     /* seconds from SIGTERM or SIGHUP to exit */
#define LOOK_MS 20   /* pause between background reads */
#define DRAIN_MS 500 /* time for a terminal's last output */
/* ms for which an instance that closed the channel may take to answer, or to end */
#define BACK_MS 5000

/* NAME=VALUE, each name once */
struct variables {
	const char *list[3 * EXEC_ENV_MAX];
	size_t nr;
};
/* A command with its options. */
struct job {
	/* @env: of -e. @files: of --env-file; variables of @env override these. */
	struct variables env, files;
	const char *dir, *user;
	/* the command gets all capabilities, whatever the main program has */
	bool privileged;
	uint64_t caps;
	bool want_terminal, no_terminal, terminal;
	/* nestctl starts the command without streams, and does not wait for it */
	bool detached;
	char **command;
};
/* A thread that copies a stream between @from and @to. */
struct stream {
	struct thread thread;
	int from, to;
	/* the descriptor, @from or @to, that is the socket */
	int ours;
	/* @from is a terminal on which a user types */
	bool keys;
	int error; /* errno of a failed write, or 0 */
};

/* ---- the job ---- */

/* Sets NAME=VALUE, in place of an earlier value. @text must stay valid. */
static void set_env(struct variables *v, const char *text)
{
	size_t n = strcspn(text, "="), i = 0;

	while (i < v->nr && (strncmp(v->list[i], text, n) || v->list[i][n] != '='))
		i++;
	if (i == sizeof(v->list) / sizeof(v->list[0]))
		die("exec: too many variables");
	v->list[i] = text;
	if (i == v->nr)
		v->nr++;
}

static void set_all(struct variables *v, const char *const *list, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		set_env(v, list[i]);
}

/* Adds VAR=VALUE, or VAR with its value in nestctl's environment if it is set there. */
static void add_env(struct variables *v, const char *text)
{
	const char *value = getenv(text);

	if (!*text || *text == '=')
		die("exec: -e '%s': expected VAR or VAR=VALUE", text);
	if (strchr(text, '='))
		set_env(v, text);
	else if (value)
		set_env(v, format("%s=%s", text, value));
}

/* Adds a variable of --env-file. */
static void take_env(void *arg, const char *text)
{
	add_env(arg, format("%s", text));
}

/* Returns the job's text for the kernel. The caller owns it. */
static struct exec_job write_job(
	struct job *j, const struct exec_user *u, const struct exec_config *config)
{
	static struct variables all;
	struct exec_job out = { 0 };
	struct winsize ws;
	const char *term = getenv("TERM");

	set_env(&all, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	set_env(&all, format("HOME=%s", u->home));
	set_env(&all, format("USER=%s", u->name));
	set_env(&all, format("LOGNAME=%s", u->name));
	set_env(&all, format("SHELL=%s", u->shell));
	set_env(&all, format("TERM=%s", j->terminal && term ? term : "dumb"));
	set_env(&all, "LANG=C.UTF-8");
	set_all(&all, config->env, config->nr_env);
	set_all(&all, j->files.list, j->files.nr);
	set_all(&all, j->env.list, j->env.nr);
	exec_job_add(&out, 'm', j->detached ? "detached" : j->terminal ? "terminal" : "channels");
	exec_job_add(&out, 'u', u->ids);
	if (!j->privileged && config->caps != ~0UL)
		exec_job_add(&out, 'c', format("%lx", (unsigned long)config->caps));
	exec_job_add(&out, j->dir ? 'w' : 'h', j->dir ? j->dir : u->home);
	if (j->terminal && !ioctl(0, TIOCGWINSZ, &ws))
		exec_job_add(&out, 's', format("%u %u", ws.ws_row, ws.ws_col));
	for (size_t i = 0; i < all.nr; i++)
		exec_job_add(&out, 'e', all.list[i]);
	exec_job_add(&out, 0, "");
	for (char **word = j->command; *word; word++)
		exec_job_add(&out, 0, *word);
	return out;
}

/* ---- channels ---- */

/*
 * Reads available data. Tries again while nestctl is in the background of the terminal, where reads
 * fail with EIO: after `bg` the main thread soon stops nestctl, in terminal_stop().
 */
static ssize_t stream_read(const struct stream *s, char *buf, size_t size)
{
	for (;;) {
		ssize_t n = get_some(s->from, buf, size);

		/* EIO and no foreground group: the terminal has gone */
		if (n >= 0 || errno != EIO || !s->keys || tcgetpgrp(s->from) <= 0)
			return n;
		poll(NULL, 0, LOOK_MS);
	}
}

/* Copies a stream until its end, or until its reader has gone. Then shuts down the socket. */
static void *stream_run(void *arg)
{
	struct stream *s = arg;
	char buf[65536];
	ssize_t n;

	while ((n = stream_read(s, buf, sizeof(buf))) > 0)
		if (!put_all(s->to, buf, (size_t)n, NULL)) {
			s->error = errno;
			break;
		}
	shutdown(s->ours, SHUT_RDWR);
	return NULL;
}

static void stream_start(struct stream *s, int from, int to, bool keys)
{
	*s = (struct stream){ .from = from, .to = to, .ours = from > 2 ? from : to, .keys = keys };
	thread_start(&s->thread, stream_run, s);
}

/*
 * Waits until the thread has carried the output that the ended command has left in the socket.
 * Output of a terminal may arrive for another DRAIN_MS.
 */
static void stream_finish(struct stream *s, bool terminal)
{
	if (terminal && thread_join(&s->thread, DRAIN_MS))
		return;
	shutdown(s->from, SHUT_RD);
	thread_join(&s->thread, -1);
}

/* True if all output could be written, or its reader has gone. Otherwise prints a message. */
static bool stream_written(const struct stream *s, const char *name)
{
	if (!s->error || s->error == EPIPE)
		return true;
	warn("standard %s: %s", name, strerror(s->error));
	return false;
}

/* ---- the terminal ---- */

/* Sends the size of the terminal on standard input to the command. */
static void send_size(int control)
{
	char text[EXEC_PACKET_MAX];
	struct winsize ws;

	if (ioctl(0, TIOCGWINSZ, &ws))
		return;
	int n = snprintf(text, sizeof(text), "w%u %u", ws.ws_row, ws.ws_col);

	send(control, text, (size_t)n, MSG_NOSIGNAL);
}

/* ---- waiting ---- */

/*
 * Blocks the signals that are handled, and SIGTTIN. Returns a signalfd. With SIGTTIN blocked, a
 * read from the terminal in the background fails and so ends the input, instead of stopping
 * nestctl. `timeout` in a script puts nestctl into the background.
 */
static int block_signals(void)
{
	static const int taken[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH,
		SIGTSTP };
	sigset_t set;
	int signals;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		sigaddset(&set, taken[i]);
	signals = signalfd(-1, &set, SFD_CLOEXEC);
	sigaddset(&set, SIGTTIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signals;
}

/*
 * Passes a signal to the command. Returns it if nestctl must end GRACE seconds later, otherwise
 * returns 0.
 */
static int pass_signal(int signals, int control)
{
	struct signalfd_siginfo info;
	char text[EXEC_PACKET_MAX];

	if (read(signals, &info, sizeof(info)) != sizeof(info))
		return 0;
	if (info.ssi_signo == SIGTSTP)
		terminal_stop();
	if (info.ssi_signo == SIGTSTP || info.ssi_signo == SIGWINCH) {
		send_size(control);
		return 0;
	}
	int n = snprintf(text, sizeof(text), "s%u", info.ssi_signo);

	send(control, text, (size_t)n, MSG_NOSIGNAL);
	return info.ssi_signo == SIGTERM || info.ssi_signo == SIGHUP ? (int)info.ssi_signo : 0;
}

/*
 * Waits for the kernel's message about the command's end. *word is "" if the instance has ended.
 * Exits if the command still runs GRACE seconds after a signal that ends nestctl.
 */
static void wait_for_end(int control, int signals, char *word)
{
	time_t deadline = 0;
	int ending = 0;

	for (;;) {
		struct pollfd p[2] = { { .fd = control, .events = POLLIN },
			{ .fd = signals, .events = POLLIN } };

		poll(p, 2, deadline ? 500 : -1);
		if (p[0].revents) {
			ssize_t n = recv(control, word, EXEC_PACKET_MAX, 0);

			word[n > 0 ? n : 0] = '\0';
			return;
		}
		if (p[1].revents)
			ending = pass_signal(signals, control) ?: ending;
		if (ending && !deadline)
			deadline = time(NULL) + GRACE;
		if (deadline && time(NULL) >= deadline)
			exit(128 + ending);
	}
}

/* True if the instance answers after its end of the channel was closed: it was put back. */
static bool goes_on(const struct instance *in)
{
	for (int ms = 0; ms < BACK_MS && !kill(in->pid, 0); ms += LOOK_MS) {
		if (instance_answers(in->name, 0, LOOK_MS))
			return true;
		usleep(LOOK_MS * 1000);
	}
	return false;
}

/*
 * Returns the exit status for the kernel's message @word, after a message if the command was not
 * executed.
 */
static int result(const struct instance *in, const struct job *j, const char *word)
{
	int n = *word ? atoi(word + 1) : 0;

	if (!*word)
		die("%s: the instance %s", in->name,
			goes_on(in) ? "was put back to a state" : "has ended");
	if (*word == 'b') /* the detached command runs */
		return 0;
	if (*word == 'x')
		return WIFSIGNALED(n) ? 128 + WTERMSIG(n) : WEXITSTATUS(n);
	if (*word == 't') {
		warn("%s: no terminal: %s (is devpts mounted at /dev/pts? -T does without)",
			in->name, strerror(n));
		return 126;
	}
	warn("%s: %s", *word == 'd' ? j->dir : j->command[0], strerror(n));
	return n == ENOENT && *word != 'd' ? 127 : 126;
}

/* Runs a command and carries its streams. Returns the exit status. */
static int carry(const struct instance *in, const struct job *j, const struct exec_job *text)
{
	char word[EXEC_PACKET_MAX + 1];
	int signals;

	/* signals are blocked after what may wait long, so that they can end nestctl meanwhile */
	if (j->terminal)
		terminal_await();

	struct remote r = remote_start(in, text,
		j->terminal   ? CHANNELS_TERMINAL :
		same_output() ? CHANNELS_JOINED :
				CHANNELS_APART);
	static struct stream input, output, errors;
	bool written;
	int status;

	signals = block_signals();
	if (j->terminal)
		terminal_raw(false);
	stream_start(&output, r.out, 1, false);
	if (r.err >= 0)
		stream_start(&errors, r.err, 2, false);
	stream_start(&input, 0, r.in, j->terminal);
	wait_for_end(r.control, signals, word);
	stream_finish(&output, j->terminal);
	if (r.err >= 0)
		stream_finish(&errors, false);
	terminal_restore();
	written = stream_written(&output, "output") & stream_written(&errors, "error");
	status = result(in, j, word);
	return written || status ? status : 1;
}

/* Starts a detached command. Returns the exit status once it runs or has failed. */
static int leave(const struct instance *in, const struct job *j, const struct exec_job *text)
{
	struct remote r = remote_start(in, text, CHANNELS_JOINED);
	char word[EXEC_PACKET_MAX + 1];
	ssize_t n;

	while ((n = recv(r.control, word, EXEC_PACKET_MAX, 0)) < 0 && errno == EINTR)
		;
	word[n > 0 ? n : 0] = '\0';
	return result(in, j, word);
}

enum { KEY_PRIVILEGED = 256, KEY_ENV_FILE };

/* Reads the options of exec and shell. */
static void read_options(struct job *j, const struct command *c, int argc, char **argv)
{
	open_standard_streams();
	for (int key; (key = next_option(c, argc, argv));) {
		switch (key) {
		case 'e': add_env(&j->env, optarg); break;
		case KEY_ENV_FILE: env_file_read(optarg, c->name, take_env, &j->files); break;
		case 'd': j->detached = true; break;
		case 'w': j->dir = optarg; break;
		case 'u': j->user = optarg; break;
		case 't': j->want_terminal = true; break;
		case 'T': j->no_terminal = true; break;
		case KEY_PRIVILEGED: j->privileged = true; break;
		default: break; /* -i has no effect, as it is the default */
		}
	}
	if (j->detached && j->want_terminal)
		die("exec: -d and -t: a terminal needs a reader");
	if (j->want_terminal && !(isatty(0) && isatty(1)))
		die("%s: -t: standard input and output are no terminal", c->name);
	j->terminal = !j->no_terminal && !j->detached &&
		      (j->want_terminal || (same_terminal() && !in_background()));
}

static int exec_command(int argc, char **argv)
{
	static struct exec_config config;
	static struct job j;
	struct instance in;
	char **words;

	read_options(&j, &cmd_exec, argc, argv);
	words = take_words(&cmd_exec, argc, argv, 2, -1);
	j.command = words + 1 + !strcmp(words[1], "--");
	if (!j.command[0])
		die("exec: which command?");
	in = instance_find(words[0]);
	exec_config_read(&config, &in);
	j.dir = j.dir ?: config.dir;
	struct exec_user u = exec_user_find(&in, j.user ?: config.user, &config);
	struct exec_job text = write_job(&j, &u, &config);

	return j.detached ? leave(&in, &j, &text) : carry(&in, &j, &text);
}

static int shell_command(int argc, char **argv)
{
	static struct exec_config config;
	static struct job j;
	static char *command[3];
	struct instance in;
	char **words;

	read_options(&j, &cmd_shell, argc, argv);
	words = take_words(&cmd_shell, argc, argv, 1, 1);
	in = instance_find(words[0]);
	/* a login gets the user's own groups and environment */
	struct exec_user u = exec_user_find(&in, j.user ?: "root", &config);

	command[0] = format("%s", u.shell);
	command[1] = format("-l");
	j.command = command;
	exec_config_read(&config, &in);
	config.nr_env = 0;
	struct exec_job text = write_job(&j, &u, &config);

	return carry(&in, &j, &text);
}

static const struct option_row options[] = {
	{ 'd', "detach", NULL,
		"return once COMMAND runs, which goes on with /dev/null for its input and output" },
	{ 'e', "env", "VAR[=VALUE]",
		"an environment variable of COMMAND; without a value the one that it has here, if "
		"any" },
	{ KEY_ENV_FILE, "env-file", "FILE",
		"environment variables: a VAR=VALUE, or VAR, in each line; # begins a comment; -e "
		"comes before them" },
	{ 'w', "workdir", "GUESTDIR",
		"where COMMAND starts (where the main program does, or the user's home)" },
	{ 'u', "user", "USER[:GROUP]",
		"user and group of COMMAND, names or numbers of the instance (the main program's, "
		"or "
		"root)" },
	{ KEY_PRIVILEGED, "privileged", NULL,
		"all capabilities, whatever run --cap-drop has taken from the main program" },
	{ 'i', "interactive", NULL, "standard input is COMMAND's, which is the default" },
	{ 't', "tty", NULL,
		"COMMAND gets a terminal, and standard input and output are its other side" },
	{ 'T', "no-tty", NULL, "three channels, even if all three are one terminal" },
	{ 0 },
};

const struct command cmd_exec = {
	.name = "exec",
	.args = "UMID [--] COMMAND...",
	.help = "Runs a command in a running instance.",
	.text = "The command runs in the namespaces and the root of the instance's init, in a "
		"session of its own. Its environment, user and folder are those of the image's "
		"settings and, of a detached instance, of the options of run, as are the limits of "
		"--cap-drop; of a machine (run --init) it is root. Standard input, output and "
		"error are three channels to "
		"those of nestctl. If all three are one terminal, or with -t, it has a terminal in "
		"the instance's /dev/pts. A background job of a terminal gets channels too, and an "
		"empty input. Signals go to the command as those of run do. When nestctl goes, the "
		"command gets SIGHUP, unless it was started with -d.\n\nThe instance needs no "
		"preparation: the kernel makes the "
		"process. Names of users are read with the instance's cat(1).\n\n\tnestctl exec "
		"web -- ps aux\n\tnestctl exec -t web bash",
	.exits = "the command's; 128+N where signal N killed it; 126 and 127 when it could not be "
		 "run",
	.options = options,
	.command_follows = true,
	.run = exec_command,
};

static const struct option_row shell_options[] = {
	{ 'u', "user", "USER[:GROUP]", "whose shell: a name or number of the instance (root)" },
	{ 'e', "env", "VAR[=VALUE]", "an environment variable, as of exec" },
	{ 't', "tty", NULL, "a terminal, and standard input and output are its other side" },
	{ 'T', "no-tty", NULL, "three channels, even if all three are one terminal" },
	{ 0 },
};

const struct command cmd_shell = {
	.name = "shell",
	.args = "UMID",
	.help = "Starts a login shell in a running instance.",
	.text = "It is the user's shell by the instance's /etc/passwd, in the user's home, on a "
		"terminal of its own (channels, if standard input is none). No password is asked. "
		"Unlike a login on the console it is no session of systemd's logind.",
	.exits = "the shell's",
	.options = shell_options,
	.run = shell_command,
};
