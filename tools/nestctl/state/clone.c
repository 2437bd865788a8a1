/* SPDX-License-Identifier: MIT */
/*
 * clone.c: `nestctl clone`: starts several instances from one state, and runs a command in each.
 *
 * A running instance is saved into a folder of the store without a name, which is removed once all
 * copies run.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/json.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/run/host_user.h"
#include "tools/nestctl/run/stop.h"
#include "tools/nestctl/state/warm.h"

#define COPIES_MAX 1000
#define LINE_MAX_BYTES 65536
#define HOST_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-"

/*
 * The options of a clone, and what it has made. @of: instance or state. @prefix: of the copies'
 * names.
 */
struct clone {
	const char *of, *prefix, *wanted, *host_user;
	struct start_nets nets;
	long count;
	bool rm, json, trust;
	bool machine_id, hostname; /* new ones for each copy */
	bool takes;                /* may take waiting copies (warm.h) */
	char **command;
	struct state s;
	struct state_new temporary; /* used if @of is an instance */
	bool is_instance;
	struct start *all;
	long begun; /* how many of @all were started */
};

/* ---- starting ---- */

/* Saves a running instance, or opens a state. */
static void take_state(struct clone *c)
{
	size_t n;
	struct instance *found = strchr(c->of, '/') ? NULL : instances_find(c->of, &n);

	if (!found || !n) {
		c->s = state_open(c->of);
		state_must_be_whole(&c->s);
		return;
	}
	c->is_instance = true;
	c->temporary = state_begin_unnamed();
	c->s = save_instance(&found[0], &c->temporary, c->of);
	c->s.folder = c->temporary.made;
	c->s.fd = c->temporary.fd;
}

/* Releases the state: removes a temporary one. */
static void drop_state(struct clone *c)
{
	if (c->is_instance)
		state_drop();
	else
		state_close(&c->s);
}

/* Starts all copies, without waiting until they run. May die. */
static void start_all(void *arg)
{
	struct clone *c = arg;
	const char *kernel = start_kernel_of(&c->s, c->wanted);

	state_must_be_trusted(&c->s, c->trust);
	for (long i = 0; i < c->count; i++)
		start_check_name(c->all[i].name);
	for (; c->begun < c->count; c->begun++) {
		/* where the first is not to be had, the others are not either */
		c->takes = c->takes && warm_take(&c->all[c->begun]);
		if (!c->takes)
			start_begin(&c->all[c->begun], kernel);
	}
}

/* Starts the copies and waits until they run. Kills all of them and dies if one fails. */
static void start_copies(struct clone *c)
{
	const char *fault;

	c->all = xalloc((size_t)c->count * sizeof(*c->all));
	for (long i = 0; i < c->count; i++)
		c->all[i] = (struct start){ .state = &c->s,
			.name = format("%s-%ld", c->prefix, i + 1),
			.nets = c->nets,
			.host_user = c->host_user,
			.hostname = c->hostname ? format("%s-%ld", c->prefix, i + 1) : NULL,
			.clone = true,
			.pidfd = -1 };
	fault = attempt(start_all, c);
	for (long i = 0; !fault && i < c->count; i++)
		if (!start_await(&c->all[i]))
			fault = c->all[i].error;
	drop_state(c);
	if (!fault)
		return;
	for (long i = 0; i < c->begun; i++)
		start_undo(&c->all[i]);
	die("%s", fault);
}

/* ---- what distinguishes clones ---- */

/*
 * Turns a forked child into `nestctl exec`, without execve(2), since the child already is nestctl.
 * @argv: "exec" and its words.
 */
static void __attribute__((noreturn)) become_exec(char **argv)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	close_range(3, ~0U, 0);
	optind = 0; /* makes getopt start again */
	exit(finish_output(cmd_exec.run(argc, argv)));
}

/* Returns the shell commands that give a copy its machine id and host name. */
static const char *new_identity(const struct clone *c, const char *name)
{
	uint8_t id[16];
	char hex[33];

	if (getrandom(id, sizeof(id), 0) != sizeof(id))
		die("getrandom: %s", strerror(errno));
	/* UUIDs of version 4, as systemd makes them */
	id[6] = (id[6] & 0x0f) | 0x40;
	id[8] = (id[8] & 0x3f) | 0x80;
	for (size_t i = 0; i < sizeof(id); i++)
		sprintf(hex + 2 * i, "%02x", id[i]);
	return format("%s%s%s%s%s%s", c->machine_id ? "echo " : "", c->machine_id ? hex : "",
		c->machine_id ? " >/etc/machine-id || exit\n" : "",
		c->hostname ? format("hostname '%s' || exit\n", name) : "",
		c->hostname ? "test ! -e /etc/hostname || " : "",
		c->hostname ? format("echo '%s' >/etc/hostname", name) : "");
}

/*
 * Gives all copies the identities that the options ask for. Returns false after a message if one
 * fails.
 */
static bool set_identities(const struct clone *c)
{
	bool good = true;

	if (!c->machine_id && !c->hostname)
		return true;
	for (long i = 0; good && i < c->count; i++) {
		const char *name = c->all[i].name;
		const char *argv[] = { "exec", "-T", "--user=0", "--workdir=/", name, "--", "sh",
			"-c", new_identity(c, name), NULL };
		pid_t pid;

		fflush(NULL);
		pid = fork();
		if (pid < 0)
			die("cannot start a process: %s", task_error(errno));
		if (!pid)
			become_exec((char **)argv);
		good = !wait_for(pid);
		if (!good)
			warn("%s: its machine id or host name cannot be set", name);
	}
	return good;
}

/* ---- the command ---- */

/* An output of a copy's command, which is printed in lines. */
struct output {
	int fd, to;
	const char *name;
	char *line;
	size_t size;
};

/* Writes @n bytes, a line or a part of a long one, after the instance's name. */
static void put_line(struct output *o, size_t n)
{
	char *text = xalloc(n + strlen(o->name) + 4);
	int len = sprintf(text, "%s: ", o->name);

	memcpy(text + len, o->line, n);
	len += (int)n;
	if (!n || o->line[n - 1] != '\n')
		text[len++] = '\n';
	put_all(o->to, text, (size_t)len, NULL);
	free(text);
	memmove(o->line, o->line + n, o->size - n);
	o->size -= n;
}

/* Reads available output and prints complete lines. Closes o->fd at its end. */
static void take_output(struct output *o)
{
	ssize_t n = read(o->fd, o->line + o->size, LINE_MAX_BYTES - o->size);
	char *end;

	if (n < 0 && errno == EINTR)
		return;
	if (n <= 0) {
		if (o->size)
			put_line(o, o->size);
		close(o->fd);
		o->fd = -1;
		return;
	}
	o->size += (size_t)n;
	while ((end = memchr(o->line, '\n', o->size)))
		put_line(o, (size_t)(end - o->line) + 1);
	if (o->size == LINE_MAX_BYTES)
		put_line(o, o->size);
}

/* Starts `nestctl exec NAME -- COMMAND`, returns its pid. @o[0]: its output. @o[1]: its errors. */
static pid_t start_command(const struct clone *c, const char *name, struct output *o)
{
	int out[2], err[2], null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	size_t words = 0;
	pid_t pid;

	if (null < 0 || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		die("pipe: %s", strerror(errno));
	while (c->command[words])
		words++;

	const char **argv = xalloc((words + 5) * sizeof(*argv));
	const char *const head[] = { "exec", "-T", name, "--" };

	memcpy(argv, head, sizeof(head));
	memcpy(argv + 4, c->command, words * sizeof(*argv));
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		die("cannot start a process: %s", task_error(errno));
	if (!pid) {
		if (dup2(null, 0) < 0 || dup2(out[1], 1) < 0 || dup2(err[1], 2) < 0)
			_exit(126);
		become_exec((char **)argv);
	}
	free(argv);
	close(null);
	close(out[1]);
	close(err[1]);
	o[0] = (struct output){ out[0], 1, name, xalloc(LINE_MAX_BYTES), 0 };
	o[1] = (struct output){ err[0], 2, name, xalloc(LINE_MAX_BYTES), 0 };
	return pid;
}

/* Carries all outputs until they end. */
static void carry(struct output *all, size_t n)
{
	struct pollfd *p = xalloc(n * sizeof(*p));
	size_t open = n;

	while (open) {
		for (size_t i = 0; i < n; i++)
			p[i] = (struct pollfd){ .fd = all[i].fd, .events = POLLIN };
		if (poll(p, n, -1) < 0)
			continue;
		open = 0;
		for (size_t i = 0; i < n; i++) {
			if (p[i].revents)
				take_output(&all[i]);
			open += all[i].fd >= 0;
		}
	}
	free(p);
}

/* Runs the command in all copies. Returns their highest exit status. */
static int run_in_all(const struct clone *c)
{
	struct output *outputs = xalloc(2 * (size_t)c->count * sizeof(*outputs));
	pid_t *pids = xalloc((size_t)c->count * sizeof(*pids));
	int highest = 0;

	for (long i = 0; i < c->count; i++)
		pids[i] = start_command(c, c->all[i].name, &outputs[2 * i]);
	carry(outputs, 2 * (size_t)c->count);
	for (long i = 0; i < c->count; i++) {
		int status = wait_for(pids[i]);

		highest = status > highest ? status : highest;
	}
	return highest;
}

/* ---- the command line ---- */

/* Prints the names of the copies. */
static void print(const struct clone *c)
{
	if (c->json)
		json_open(NULL, '[');
	for (long i = 0; i < c->count; i++) {
		if (!c->json) {
			puts(c->all[i].name);
			continue;
		}
		json_open(NULL, '{');
		json_text("name", c->all[i].name);
		json_number("pid", c->all[i].kernel);
		json_close('}');
	}
	if (c->json)
		json_close(']');
}

static long number(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || *end || n < 1 || n > COPIES_MAX)
		die("clone: -n %s: expected 1 to %d", text, COPIES_MAX);
	return n;
}

static bool wants_new(const char *text)
{
	if (strcmp(text, "new") != 0)
		die("clone: --machine-id %s: expected new", text);
	return true;
}

enum { KEY_NAME = 256, KEY_NET, KEY_RM, KEY_TRUST, KEY_MACHINE, KEY_HOST, KEY_HOST_USER };

static int clone_command(int argc, char **argv)
{
	struct clone c = { .count = 1 };
	bool net = false;
	int status = 0;
	char **words;

	for (int key; (key = next_option(&cmd_clone, argc, argv));)
		switch (key) {
		case 'n': c.count = number(optarg); break;
		case 'k': c.wanted = optarg; break;
		case KEY_NAME: c.prefix = optarg; break;
		case KEY_NET:
			net = true;
			start_add_net(&c.nets, optarg);
			break;
		case KEY_HOST_USER: c.host_user = optarg; break;
		case KEY_RM: c.rm = true; break;
		case KEY_TRUST: c.trust = true; break;
		case KEY_MACHINE: c.machine_id = wants_new(optarg); break;
		case KEY_HOST: c.hostname = true; break;
		default: c.json = true;
		}
	words = take_words(&cmd_clone, argc, argv, 1, -1);
	c.of = words[0];
	c.command = words + 1;
	if (c.rm && !*c.command)
		die("clone: --rm needs a COMMAND, after which the copies end");
	if (c.json && *c.command)
		die("clone: --json and a COMMAND exclude each other");
	take_state(&c);
	c.takes = !c.is_instance && !net && !c.host_user && !c.wanted && !c.s.boot;
	if (!c.prefix)
		c.prefix = c.s.umid;
	if (c.hostname && c.prefix[strspn(c.prefix, HOST_CHARS)])
		die("clone: --hostname: '%s' is no host name", c.prefix);
	start_copies(&c);
	if (!c.is_instance)
		for (long i = 0; i < c.count; i++)
			head_set(c.all[i].kernel, strchr(c.of, '/') ? c.s.folder : c.of);
	if (!set_identities(&c)) {
		status = 1;
		c.rm = true;
	} else if (*c.command)
		status = run_in_all(&c);
	else
		print(&c);
	if (c.rm)
		for (long i = 0; i < c.count; i++)
			start_undo(&c.all[i]);
	return status;
}

static const struct option_row options[] = {
	{ 'n', "count", "N", "how many (1)" },
	{ KEY_NAME, "name", "PREFIX", "their names are PREFIX-1 ... (the name of the original)" },
	{ KEY_NET, "net", "[ethN=]KIND", START_NET_HELP },
	{ KEY_HOST_USER, "host-user", "USER|UID[:GID]", HOST_USER_HELP },
	{ KEY_RM, "rm", NULL, "end the copies when COMMAND has ended in all of them" },
	{ KEY_MACHINE, "machine-id", "new", "give each copy a fresh /etc/machine-id" },
	{ KEY_HOST, "hostname", NULL, "the copies' host names are their names" },
	{ 'k', "kernel", "FILE", "the kernel, as for restore" },
	{ KEY_TRUST, "trust", NULL, "also from a state of another maker, as for restore" },
	OPTION_JSON,
	{ 0 },
};

const struct command cmd_clone = {
	.name = "clone",
	.args = "UMID|TAG [-- COMMAND...]",
	.help = "Starts copies of a running instance, or instances from a state.",
	.text = "A running instance stands still while its memory is copied, as for save, and goes "
		"on. A name that is both is the instance. Each copy has its name, its layers and "
		"the addresses of its cards for itself; ports of the host are not forwarded to "
		"copies, and lines that were a port or a socket are not connected. All copies "
		"start or none does (but for a SIGKILL of nestctl meanwhile), and their names are "
		"printed. Random numbers, and the boot id, are a copy's own; its machine id and "
		"its host name are those of the original, "
		"unless --machine-id and --hostname set others, before COMMAND but not before "
		"programs that run already.\n\nCOMMAND runs in all of them "
		"at "
		"the same time, as exec does. Its lines are printed behind the name of the copy. "
		"The copies go on afterwards, unless --rm is given.\n\n\tnestctl clone web -n 4 "
		"--rm "
		"-- make check",
	.exits = "with COMMAND the highest of its statuses",
	.options = options,
	.run = clone_command,
};
