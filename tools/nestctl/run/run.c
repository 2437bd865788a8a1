/* SPDX-License-Identifier: MIT */
/*
 * run.c: `nestctl run IMAGE [-- COMMAND...]`, a disposable instance: its options, and the kernel's
 * command line that follows from them.
 *
 * The kernel gets three files without names, through /proc/self/fd: the copy-on-write layer, the
 * initial archive with the built-in init (initrd.c), and pipes on which init reports the command's
 * status and receives signals. So nothing is left behind, not even after SIGKILL; and the kernel
 * dies with nestctl (attend.c).
 *
 * Terminal mode (all three standard streams are one terminal, or there is no COMMAND and both ends
 * are a terminal): con0 is the terminal, which the kernel sets to raw and puts back. Channel mode:
 * con1 to con3 carry the three streams. Input goes through a pipe (pump.c), which opens when init
 * reports on con5 that it has set its consoles to raw: earlier input would be taken for lines.
 * Output goes through a pipe too: so the line discipline of a terminal stays the host's, and init
 * learns of a reader that has gone, or of a full disk. If output and errors are one file they are
 * one channel, which keeps their order. The kernel then has a process group of its own, and nestctl
 * passes signals on.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/nestctl/core/command.h"
#include "tools/nestctl/cow/cow.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/output.h"
#include "tools/nestctl/run/audit.h"
#include "tools/nestctl/run/learn.h"
#include "tools/nestctl/run/policy.h"
#include "tools/nestctl/run/run.h"
#include "tools/nestctl/run/template.h"

void run_add(struct run *r, const char *param)
{
	if (r->argc == PARAMS_MAX + 20)
		die("%s: too many parameters", param);
	r->argv[r->argc++] = param;
}

/* Adds the card; a user that names a first card needs none of ours. */
static void add_param(struct run *r, const char *param)
{
	if (!strncmp(param, "eth0=", 5))
		r->net = "none";
	r->param = r->param ? r->param : param;
	run_add(r, param);
}

void run_add_volume(struct run *r, char *text)
{
	struct volume *v = &r->volumes[r->nr_volumes];
	char *ro = strrchr(text, ':'), *guest;
	struct stat st;

	if (r->nr_volumes == VOLUMES_MAX)
		die("-v: no more than %d folders", VOLUMES_MAX);
	if (ro && (!strcmp(ro, ":ro") || !strcmp(ro, ":rw"))) {
		v->rdonly = ro[2] == 'o';
		*ro = '\0';
	}
	guest = strrchr(text, ':');
	if (!guest || guest == text || guest[1] != '/')
		die("-v %s: wants HOSTDIR:GUESTDIR[:ro], with GUESTDIR's full path", text);
	*guest = '\0';
	v->guest = guest + 1;
	v->host = realpath(text, NULL);
	if (!v->host || stat(v->host, &st))
		die("-v %s: %s", text, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		die("-v %s: %s", text, strerror(ENOTDIR));
	if (access(v->host, R_OK | X_OK))
		die("-v %s: %s", text, strerror(errno));
	if (!v->guest[strspn(v->guest, "/.")])
		die("-v %s:%s: the image's root cannot be covered", text, v->guest);
	r->nr_volumes++;
}

const char *default_kernel(void)
{
	const char *env = getenv("NESTLING_KERNEL");
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (env && *env)
		return env;
	if (n > 0) {
		self[n] = '\0';
		const char *beside =
			format("%.*s/nestling", (int)(strrchr(self, '/') - self), self);

		if (!access(beside, X_OK))
			return beside;
	}
	return find_program("nestling") ?: "nestling";
}

const char *fd_path(int fd)
{
	return format("/proc/self/fd/%d", fd);
}

/*
 * Opens a layer without a name, or the one of --keep. If that is missing the kernel makes it, with
 * version 3; over an image that is a COW file itself it is made here.
 */
static const char *open_cow(struct run *r)
{
	int fd;

	if (!r->cow) {
		fd = temporary_file("the copy-on-write layer");
		write_empty(fd, "the copy-on-write layer", r->image, FORMAT_NONE, 0);
		fcntl(fd, F_SETFD, 0);
		return fd_path(fd);
	}
	if (access(r->cow, F_OK) && errno == ENOENT && !image_is_raw(r->image)) {
		fd = output_open(r->cow);
		write_empty(fd, r->cow, r->image, FORMAT_NONE, 0);
		output_finish(fd, r->cow, false);
		layer_remember(r->cow, r->image);
	}
	return r->cow;
}

bool same_terminal(void)
{
	struct stat st[3];

	for (int i = 0; i < 3; i++)
		if (!isatty(i) || fstat(i, &st[i]))
			return false;
	return st[0].st_rdev == st[1].st_rdev && st[0].st_rdev == st[2].st_rdev;
}

bool in_background(void)
{
	pid_t foreground = tcgetpgrp(0);

	return foreground > 0 && foreground != getpgrp();
}

int kernel_pipe(int kept, int *end)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		die("pipe: %s", strerror(errno));
	fcntl(fds[kept], F_SETFD, 0);
	*end = fds[kept];
	return fds[!kept];
}

bool same_output(void)
{
	struct stat out, err;

	return !fstat(1, &out) && !fstat(2, &err) && out.st_dev == err.st_dev &&
	       out.st_ino == err.st_ino;
}

static void use_channels(struct run *r)
{
	r->fds[0] = pump_input(0, r->ready);
	r->fds[1] = pump_output(1, r->control_fd);
	if (!r->joined)
		r->fds[2] = pump_output(2, r->control_fd);
	if (r->verbose)
		run_add(r, "con0=null,fd:2");
	run_add(r, "con1=fd:0,null");
	run_add(r, "con2=null,fd:1");
	if (!r->joined)
		run_add(r, "con3=null,fd:2");
}

/* Checks that --keep names a layer over this image, or a file that can be made. Dies if not. */
static void check_keep(const struct run *r)
{
	const char *slash = strrchr(r->cow, '/');
	const char *dir = !slash          ? "." :
			  slash == r->cow ? "/" :
					    format("%.*s", (int)(slash - r->cow), r->cow);
	struct stat st;

	if (stat(r->cow, &st)) {
		if (errno != ENOENT || !*r->cow || access(dir, W_OK | X_OK))
			die("run: --keep '%s': %s", r->cow, strerror(errno));
		return;
	}
	if (!S_ISREG(st.st_mode))
		die("run: --keep %s: not a regular file", r->cow);
	if (access(r->cow, R_OK | W_OK))
		die("run: --keep %s: %s", r->cow, strerror(errno));
	if (st.st_size && image_is_raw(r->cow))
		die("run: --keep %s: not a copy-on-write layer", r->cow);
}

static void choose_terminal(struct run *r)
{
	if (r->want_terminal && !(isatty(0) && isatty(1)))
		die("run: -t: standard input and output are no terminal");
	r->terminal =
		!r->no_terminal && (r->want_terminal || (r->login && isatty(0) && isatty(1)) ||
					   (same_terminal() && !in_background()));
	r->joined = !r->terminal && same_output();
}

static void add_network(struct run *r)
{
	const char *net = r->net ? r->net : "slirp";

	if (r->forwards && strncmp(net, "slirp", 5))
		die("run: -p HOST:GUEST wants --net slirp, not %s", net);
	if (r->loopback && strncmp(net, "slirp", 5))
		die("run: --host-loopback wants --net slirp, not %s", net);
	if (r->allow && strncmp(net, "slirp", 5))
		die("run: --allow-net wants --net slirp, not %s", net);
	if (!strcmp(net, "none"))
		return;
	run_add(r, format("eth0=%s%s%s%s%s", net, r->forwards ? r->forwards : "",
			   r->allow ? r->allow : "", r->loopback ? r->loopback : "",
			   r->net || r->forwards || r->loopback || r->allow ? "" : ",optional"));
}

const char *without_commas(const char *path)
{
	char *text = xalloc(2 * strlen(path) + 1), *to = text;

	for (; *path; *to++ = *path++)
		if (*path == ',')
			*to++ = '\\';
	*to = '\0';
	return text;
}

static void prepare(struct run *r)
{
	if (access(r->image, R_OK))
		die("%s: %s%s", r->image, strerror(errno),
			errno == ENOENT ? "; `nestctl image build` makes one" : "");
	if (r->cow)
		check_keep(r);
	r->real_image = realpath(r->image, NULL);
	if (!r->real_image)
		die("%s: %s", r->image, strerror(errno));
	free(job_text(r, &r->job_size)); /* sets whether it is a login shell */
	choose_terminal(r);
	r->job = job_text(r, &r->job_size);
	r->status_fd = kernel_pipe(1, &r->status_end);
	r->control_fd = kernel_pipe(0, &r->control_end);
	fcntl(r->control_fd, F_SETFL, O_NONBLOCK); /* a hung instance must not block us */
	r->ready = kernel_pipe(1, &r->ready_fd);

	r->disk_at = r->argc;
	run_add(r, "ubd0m=");
	r->initrd_at = r->argc;
	run_add(r, "initrd=");
	for (int i = 0; i < r->nr_volumes; i++)
		run_add(r, format("hostfs%d%s=%s", i, r->volumes[i].rdonly ? "r" : "",
				   r->volumes[i].host));
	run_add(r, "noreboot"); /* a second boot would lack its files */
	run_add(r, "con=null");
	if (r->terminal)
		run_add(r, "con0=fd:0,fd:1");
	else
		use_channels(r);
	run_add(r, format("con4=null,fd:%d", r->status_end));
	run_add(r, format("con5=fd:%d,fd:%d", r->control_end, r->ready_fd));
	add_network(r);
	if (!r->verbose)
		run_add(r, "quiet");
	if (r->mem)
		run_add(r, format("mem=%s", r->mem));
	if (r->ncpus)
		run_add(r, format("ncpus=%s", r->ncpus));
	if (r->disk)
		run_add(r, format("layer_limit=%s", r->disk));
	if (r->pids)
		run_add(r, format("pids=%lu", r->pids));
	audit_prepare(r);
}

void prepare_boot(struct run *r)
{
	/* m maps the image's pages if possible; else the kernel's log has the reason. */
	r->argv[r->disk_at] =
		format("ubd0m=%s,%s", without_commas(open_cow(r)), without_commas(r->real_image));
	r->argv[r->initrd_at] =
		format("initrd=%s", fd_path(initrd_make(r->job, r->job_size, r->agent)));
}

/* Adds [ADDRESS:]PORT:PORT[/udp]. False for another form. */
static bool add_forward(struct run *r, const char *text)
{
	unsigned int host, guest;
	const char *first = strchr(text, ':'), *last = strrchr(text, ':');
	const char *address = "127.0.0.1", *kind = "tcp";
	int used = 0;

	if (!first || text[strspn(text, "0123456789.:/tcpud")])
		return false;
	if (first != last) {
		address = format("%.*s", (int)(first - text), text);
		text = first + 1;
	}
	if (sscanf(text, "%5u:%5u%n", &host, &guest, &used) != 2 || !host || host > 65535 ||
		!guest || guest > 65535)
		return false;
	text += used;
	if (!strcmp(text, "/udp"))
		kind = "udp";
	else if (*text && strcmp(text, "/tcp"))
		return false;
	r->forwards = format("%s,hostfwd=%s:%s:%u-:%u", r->forwards ? r->forwards : "", kind,
		address, host, guest);
	return true;
}

/* Returns the card's word that opens the ports of @list ("80,443") on the loopback, or NULL all. */
static const char *loopback_word(const char *list)
{
	char *word, *p;

	if (!list)
		return ",loopback=on";
	word = format(",loopback=%s", list);
	for (p = word + 1; (p = strchr(p, ','));)
		*p = ':';
	if (!*list || list[strspn(list, "0123456789,")])
		die("run: --host-loopback=%s: wants PORT[,PORT...]", list);
	return word;
}

/* Adds HOST[:PORT,...]. */
static void add_allowed(struct run *r, const char *text)
{
	char *word = format("%s", text);

	if (!*text)
		die("run: --allow-net '': wants HOST[:PORT,...]");
	for (char *p = word; (p = strchr(p, ','));)
		*p = ':';
	r->allow = format("%s,allow=%s", r->allow ? r->allow : "", word);
}

void run_add_env(struct run *r, const char *text)
{
	const char *value = strchr(text, '=') ? "" : getenv(text);
	char *more;
	size_t n;

	if (!*text || *text == '=')
		die("-e '%s': wants VAR or VAR=VALUE", text);
	if (!value)
		return;
	more = strchr(text, '=') ? format("e%s", text) : format("e%s=%s", text, value);
	n = strlen(more) + 1;
	r->env = realloc(r->env, r->env_size + n);
	if (!r->env)
		die("out of memory");
	memcpy(r->env + r->env_size, more, n);
	r->env_size += n;
}

enum {
	KEY_NET = 256,
	KEY_NAME,
	KEY_PARAM,
	KEY_RM,
	KEY_BARE,
	KEY_AS_IS,
	KEY_NO_TEMPLATE,
	KEY_LOOPBACK,
	KEY_ALLOW,
	KEY_AUDIT,
	KEY_PIDS,
	KEY_DISK,
	KEY_TIMEOUT,
	KEY_POLICY,
	KEY_LEARN
};

static unsigned long parse_count(const char *text, const char *option)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || !n || n > 4194304)
		die("run: --%s '%s': wants a number from 1 to 4194304", option, text);
	return n;
}

static void parse_option(struct run *r, int key)
{
	switch (key) {
	case 'm': r->mem = optarg; break;
	case 'n': r->ncpus = optarg; break;
	case 'k': r->kernel = optarg; break;
	case 'c': r->cow = optarg; break;
	case 'e': run_add_env(r, optarg); break;
	case 'w': r->dir = optarg; break;
	case 'u': r->user = optarg; break;
	case 't': r->want_terminal = true; break;
	case 'T': r->no_terminal = true; break;
	case 'v': run_add_volume(r, optarg); break;
	case 'V': r->verbose = true; break;
	case KEY_BARE: r->bare = true; break;
	case KEY_AS_IS: r->as_is = true; break;
	case KEY_NO_TEMPLATE: r->no_template = true; break;
	case KEY_NET: r->net = optarg; break;
	case KEY_DISK:
		if (!parse_size(optarg, "run: --disk"))
			die("run: --disk %s: not a size (512M, 2G, ...)", optarg);
		r->disk = optarg;
		break;
	case KEY_PIDS: r->pids = parse_count(optarg, "pids"); break;
	case KEY_TIMEOUT:
		r->timeout = policy_seconds(optarg);
		if (!r->timeout)
			die("run: --timeout '%s': wants a time (90, 90s, 10m, 2h)", optarg);
		break;
	case KEY_LEARN: learn_begin(optarg); break;
	case KEY_POLICY: r->policy = optarg; break;
	case KEY_AUDIT: audit_add(optarg); break;
	case KEY_ALLOW: add_allowed(r, optarg); break;
	case KEY_LOOPBACK: r->loopback = loopback_word(optarg); break;
	case KEY_NAME: run_add(r, format("umid=%s", optarg)); break;
	case KEY_PARAM:
		if (!*optarg || !strncmp(optarg, "--", 2))
			die("run: --param '%s': not a parameter", optarg);
		add_param(r, optarg);
		break;
	case 'p':
		if (add_forward(r, optarg))
			break;
		if (*optarg >= '0' && *optarg <= '9')
			die("run: -p %s: wants [ADDRESS:]HOST:GUEST[/udp], with ports", optarg);
		if (!*optarg)
			die("run: -p '': wants [ADDRESS:]HOST:GUEST[/udp]");
		add_param(r, optarg);
		break;
	default: break; /* -i and --rm are always so */
	}
}

static void parse(struct run *r, int argc, char **argv)
{
	bool rm = false;
	char **words;

	for (int key; (key = next_option(&cmd_run, argc, argv));) {
		rm = rm || key == KEY_RM;
		parse_option(r, key);
	}
	if (rm && r->cow)
		die("run: --rm and --keep exclude each other");
	if (r->want_terminal && r->no_terminal)
		die("run: -t and -T exclude each other");
	if (r->dir && *r->dir != '/')
		die("run: -w %s: wants a path that begins with /", r->dir);
	if (!argv[optind])
		die("run: which image? `nestctl image list` shows them");
	words = take_words(&cmd_run, argc, argv, 1, -1);
	r->image = image_path(*words++);
	if (*words && !strcmp(*words, "--"))
		words++;
	r->command = words;
	if (r->policy)
		policy_apply(r, r->policy);
}

/* $NESTLING_TEMPLATES: off, or now, with which tests have each run start from a template. */
static void choose_templates(struct run *r)
{
	const char *how = getenv("NESTLING_TEMPLATES");

	if (!how || !*how)
		return;
	r->make_now = r->tell = !strcmp(how, "now");
	r->no_template = !strcmp(how, "off");
	if (!r->make_now && !r->no_template)
		die("NESTLING_TEMPLATES=%s: wants off or now", how);
}

static int run_command(int argc, char **argv)
{
	struct run r = { .kernel = default_kernel(),
		/* unknown words are errors: the built-in init takes none */
		.argv = { "nestling", "strict" },
		.argc = 2,
		.fds = { 0, 1, 2 } };

	int status;

	open_standard_streams();
	choose_templates(&r);
	r.user_from = r.argc;
	parse(&r, argc, argv);
	r.user_to = r.argc;
	r.kernel = realpath(r.kernel, NULL) ?: r.kernel;
	attend_prepare();
	prepare(&r);
	template_find(&r);
	if (r.make_now && r.key && r.template <0) {
		template_make(&r, true);
		template_find(&r);
		if (r.key && r.template <0)
			warn("there is no template");
	}
	status = attend(&r);
	if (r.key && r.template <0 && !r.make_now)
		template_make(&r, false);
	return status;
}

static const struct option_row options[] = {
	{ KEY_RM, "rm", NULL, "keep nothing, which is the default without --keep" },
	{ 'c', "keep", "FILE",
		"keep what is written in this copy-on-write layer, which is made if it does "
		"not exist" },
	{ 'c', "cow", "FILE", NULL },
	{ 'v', "volume", "HOSTDIR:GUESTDIR[:ro]",
		"mount a folder of the host at GUESTDIR, a full path, which is made if it does "
		"not exist; with :ro it is read-only. May be given sixteen times. The instance "
		"sees no other files of the host." },
	{ 'e', "env", "VAR[=VALUE]",
		"an environment variable of COMMAND; without a value the one that it has here, if "
		"any" },
	{ 'w', "workdir", "GUESTDIR", "where COMMAND starts (the user's home)" },
	{ 'u', "user", "USER[:GROUP]",
		"user and group of COMMAND, names or numbers of the image (root)" },
	{ KEY_BARE, "bare", NULL,
		"ignore the image's own settings for the command (environment, folder, user, "
		"entry point)" },
	{ KEY_AS_IS, "as-is", NULL, NULL }, /* for image export */
	{ 'p', "publish", "[ADDRESS:]HOST:GUEST[/udp]",
		"forward connections to port HOST of this machine (127.0.0.1 unless ADDRESS is "
		"given) to port GUEST of the instance. A value of another form is taken as "
		"--param." },
	{ KEY_NET, "net", "KIND",
		"the kind of eth0, as behind eth0= in nestling(1); none for no card. The "
		"default is slirp, if the host allows it; eth0 has its address when COMMAND "
		"starts." },
	{ KEY_ALLOW, "allow-net", "HOST[:PORT,...]",
		"let the instance reach HOST, on these ports or on all, and nothing else; several "
		"times for more. HOST is a name, *.NAME for all names below it, an address (of "
		"IPv6 in brackets) or a net (10.0.0.0/8). Other names are not resolved." },
	{ KEY_LOOPBACK, "host-loopback", "[=PORT,...]",
		"let the instance reach the servers on this machine's loopback, by the addresses "
		"10.0.2.2 and fec0::2: those on the given ports, or all. Without it none." },
	{ KEY_POLICY, "policy", "FILE",
		"let the instance have what this file says, and no more: network, volumes, CPUs, "
		"memory, processes, time. Options may take away from it. docs/policy.md has its "
		"lines." },
	{ KEY_LEARN, "learn", "FILE",
		"write a policy that has what this run needed, and no more; FILE must not exist" },
	{ KEY_DISK, "disk", "SIZE",
		"what the instance may write to its disk, in room of the host: then it is full" },
	{ KEY_PIDS, "pids", "N",
		"processes and threads that the instance's programs may have at a time" },
	{ KEY_TIMEOUT, "timeout", "TIME",
		"end the command after this time (90, 10m, 2h), as a SIGTERM does; the status is "
		"124" },
	{ KEY_AUDIT, "audit", "FILE|fd:N",
		"write what the instance does to a file, at its end, or to a descriptor: programs "
		"that it runs, files of volumes that it changes, connections, and what was "
		"refused, "
		"each a line of JSON. May be given four times." },
	{ 'm', "mem", "SIZE", "memory of the instance (1G)" },
	{ 'n', "cpus", "N", "virtual CPUs" },
	{ 'n', "ncpus", "N", NULL },
	{ KEY_NAME, "name", "NAME", "the instance's name (UMID), instead of one that is made up" },
	{ 'i', "interactive", NULL, "standard input is COMMAND's, which is the default" },
	{ 't', "tty", NULL, "COMMAND gets the terminal that standard input and output are" },
	{ 'T', "no-tty", NULL, "three channels, even if all three are one terminal" },
	{ 'k', "kernel", "FILE",
		"the kernel; by default $NESTLING_KERNEL, or nestling beside nestctl or in PATH" },
	{ KEY_NO_TEMPLATE, "no-template", NULL,
		"boot, even if there is a template, and make none" },
	{ KEY_PARAM, "param", "PARAMETER", "pass a parameter to the kernel, see nestling(1)" },
	{ 'V', "verbose", NULL, "show the kernel's messages on standard error" },
	{ 0 },
};

const struct command cmd_run = {
	.name = "run",
	.args = "IMAGE [-- COMMAND...]",
	.help = "Starts a disposable instance and runs a command in it.",
	.text = "Changes go to a copy-on-write layer without a name, which is gone when the "
		"instance ends, however it ends. A built-in init mounts the image, runs COMMAND, "
		"reaps orphaned processes, and powers off. Without COMMAND the image's own command "
		"runs, if it has one (image import), or a login shell.\n\nStandard input, output "
		"and error of the command are three channels to those of nestctl, as for a program "
		"of the host. If all three are one terminal, the command gets it as its "
		"controlling terminal. If output and error are one file or pipe, they are one "
		"channel, so that their order stays. A command gets SIGPIPE when the reader of its "
		"output has gone.\n\nSIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1 and SIGUSR2 go to "
		"the command. Ten seconds after SIGTERM or SIGHUP the instance ends in any case, "
		"at a third SIGINT at once.\n\n\tnestctl run -v $PWD:/src -w /src debian -- "
		"make\n\tnestctl run -p 8080:80 -e MODE=test web",
	.exits = "the command's; 124 where --timeout ended it; 128+N where signal N killed it; 126 "
		 "and 127 when it could not be "
		 "run; 1 instead of 0 where the host had no room for what the guest wrote",
	.options = options,
	.command_follows = true,
	.run = run_command,
};
