/* SPDX-License-Identifier: MIT */
/*
 * parse.c: reads the options of `nestctl run` into struct run.
 *
 * With -d they are also kept as words, for each later start of the instance (service/). The words
 * do not depend on working directory and environment: paths are absolute, and `-e VAR` becomes
 * VAR=VALUE.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/docker.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/run/audit.h"
#include "tools/nestctl/run/env_file.h"
#include "tools/nestctl/run/host_user.h"
#include "tools/nestctl/run/learn.h"
#include "tools/nestctl/run/policy.h"
#include "tools/nestctl/run/run.h"
#include "tools/nestctl/run/stop.h"
#include "tools/nestctl/service/service.h"

static void list_add(char ***list, int *n, char *text)
{
	*list = realloc(*list, (size_t)(*n + 2) * sizeof(**list));
	if (!*list)
		die("out of memory");
	(*list)[(*n)++] = text;
	(*list)[*n] = NULL;
}

static void add_param(struct run *r, const char *param)
{
	r->param = r->param ? r->param : param;
	run_add(r, param);
}

/*
 * Returns the word of a network card that opens ports of the host's loopback. @list: "80,443";
 * NULL: all.
 */
static const char *loopback_word(const char *list)
{
	char *word, *p;

	if (!list)
		return ",loopback=on";
	word = format(",loopback=%s", list);
	for (p = word + 1; (p = strchr(p, ','));)
		*p = ':';
	if (!*list || list[strspn(list, "0123456789,")])
		die("run: --host-loopback=%s: expected PORT[,PORT...]", list);
	return word;
}

/* Returns docker's number of CPUs without its fraction, which must be zero. Dies if it is not. */
static const char *whole_cpus(const char *text)
{
	const size_t n = strspn(text, "0123456789");
	const char *rest = text + n;

	if (n && *rest == '.' && rest[1])
		rest += 1 + strspn(rest + 1, "0");
	if (!n || *rest || !strtoul(text, NULL, 10))
		die("run: --cpus %s: expected a whole number of virtual CPUs, from 1", text);
	return format("%.*s", (int)n, text);
}

/* Adds HOST[:PORT,...] of --allow-net. */
static void add_allowed(struct run *r, const char *text)
{
	char *word = format("%s", text);

	if (!*text)
		die("run: --allow-net '': expected HOST[:PORT,...]");
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
		die("-e '%s': expected VAR or VAR=VALUE", text);
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
	KEY_AUDIT_SIZE,
	KEY_PIDS,
	KEY_DISK,
	KEY_TIMEOUT,
	KEY_POLICY,
	KEY_LEARN,
	KEY_RESTART,
	KEY_LABEL,
	KEY_LOG,
	KEY_ENV_FILE,
	KEY_ENTRYPOINT,
	KEY_READ_ONLY,
	KEY_TMPFS,
	KEY_MOUNT,
	KEY_ADD_HOST,
	KEY_DNS,
	KEY_ULIMIT,
	KEY_INIT,
	KEY_PASSWORD,
	KEY_SSH_KEY,
	KEY_CLOUD_INIT,
	KEY_HEALTH_CMD,
	KEY_HEALTH_INTERVAL,
	KEY_HEALTH_TIMEOUT,
	KEY_HEALTH_RETRIES,
	KEY_HEALTH_PERIOD,
	KEY_HEALTH_START,
	KEY_NO_HEALTH,
	KEY_STOP_SIGNAL,
	KEY_STOP_TIMEOUT,
	KEY_SYSTEMD,
	KEY_CAP_DROP,
	KEY_CAP_ADD,
	KEY_HOST_USER,
	KEY_SHM_SIZE,
	KEY_SYSCTL,
	KEY_GROUP_ADD,
	KEY_EXPOSE,
	KEY_CIDFILE,
	KEY_PLATFORM,
	KEY_PULL,
	KEY_VOLUMES_FROM
};

/* ---- words that are kept ---- */

static const char *option_name(int key)
{
	const struct option_row *o = cmd_run.options;

	while (o->key != key)
		o++;
	return format("--%s", o->name);
}

/* Keeps an option under its long name. @value: NULL if the option has none. */
static void keep_word(struct run *r, int key, const char *value)
{
	const char *name = option_name(key);

	list_add(
		&r->words, &r->nr_words, value ? format("%s=%s", name, value) : format("%s", name));
}

/* Keeps a variable together with its value. */
static void keep_env(struct run *r, const char *text)
{
	if (strchr(text, '='))
		keep_word(r, 'e', text);
	else if (getenv(text))
		keep_word(r, 'e', format("%s=%s", text, getenv(text)));
}

/* Records the name of a variable of -e. */
static void note_given(struct run *r, const char *text)
{
	size_t n = strcspn(text, "=");

	r->given_env = realloc(r->given_env, r->given_size + n + 1);
	if (!r->given_env)
		die("out of memory");
	memcpy(r->given_env + r->given_size, text, n);
	r->given_env[r->given_size + n] = '\0';
	r->given_size += n + 1;
}

static bool is_given(const struct run *r, const char *text)
{
	size_t n = strcspn(text, "=");

	for (const char *at = r->given_env; at && at < r->given_env + r->given_size;
		at += strlen(at) + 1)
		if (strlen(at) == n && !memcmp(at, text, n))
			return true;
	return false;
}

/* Adds a variable of --env-file, unless -e sets it anywhere on the command line. */
static void take_env(void *arg, const char *text)
{
	if (is_given(arg, text))
		return;
	run_add_env(arg, text);
	keep_env(arg, text);
}

/* Keeps published ports, with the host ports that were chosen for them. */
static void keep_published(struct run *r)
{
	for (char **p = r->published; *p; p++)
		keep_word(r, 'p', *p);
}

/* Returns the word under which a volume is kept. */
static char *volume_word(const struct volume *v)
{
	return format("%s=%s:%s:%s", option_name('v'), v->host, v->guest, v->rdonly ? "ro" : "rw");
}

/* Keeps the volume that was just added. */
static void keep_volume(struct run *r)
{
	list_add(&r->words, &r->nr_words, volume_word(&r->volumes[r->nr_volumes - 1]));
}

/*
 * Keeps the option that was just parsed as a word, unless it concerns one start only, has a member
 * of struct spec, or has kept its own words already (--env-file, --volumes-from).
 */
static void keep_option(struct run *r, int key)
{
	static const int not_kept[] = { 'd', 'i', 't', 'T', 'P', KEY_NAME, KEY_RM, KEY_RESTART,
		KEY_LABEL, KEY_LOG, KEY_ENV_FILE, KEY_CIDFILE, KEY_PLATFORM, KEY_PULL,
		KEY_VOLUMES_FROM };

	for (size_t i = 0; i < sizeof(not_kept) / sizeof(not_kept[0]); i++)
		if (key == not_kept[i])
			return;
	if (key >= KEY_HEALTH_CMD && key <= KEY_SYSTEMD)
		return;
	if (key == KEY_MOUNT && r->tmpfs)
		keep_word(r, KEY_TMPFS, r->tmpfs);
	else if (key == 'v' || key == KEY_MOUNT) {
		run_replace_inherited(r, volume_word);
		keep_volume(r);
	} else if (key == 'c' || (key == 'k' && strchr(optarg, '/')) || key == KEY_AUDIT ||
		   key == KEY_POLICY || key == KEY_SSH_KEY || key == KEY_CLOUD_INIT)
		keep_word(r, key, absolute_path(optarg));
	else if (key == KEY_NET)
		keep_word(r, key, run_absolute_card(optarg));
	else if (key == 'e')
		keep_env(r, optarg);
	else if (key == 'p' && r->published)
		keep_published(r);
	else if (key == KEY_PASSWORD)
		keep_word(r, key, r->hash);
	else
		keep_word(r, key, optarg);
}

static void add_label(struct run *r, const char *text)
{
	if (!*text || *text == '=')
		die("run: --label '%s': expected NAME or NAME=VALUE", text);
	list_add(&r->labels, &r->nr_labels, format("%s%s", text, strchr(text, '=') ? "" : "="));
}

static void log_option(struct run *r, const char *text)
{
	char *end;

	r->detached_option = "--log-opt";
	if (!strncmp(text, "max-size=", 9)) {
		r->log_size = parse_size(text + 9, "run: --log-opt max-size");
		if (r->log_size >= LOG_SIZE_MIN)
			return;
		die("run: --log-opt max-size: at least %d KiB", LOG_SIZE_MIN >> 10);
	}
	if (!strncmp(text, "max-file=", 9)) {
		r->log_files = (unsigned int)strtoul(text + 9, &end, 10);
		if (end != text + 9 && !*end && r->log_files > 0 && r->log_files <= 1000)
			return;
	}
	die("run: --log-opt %s: expected max-size=SIZE, or max-file=N from 1 to 1000", text);
}

static unsigned long parse_count(const char *text, const char *option)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || !n || n > 4194304)
		die("run: --%s '%s': expected a number from 1 to 4194304", option, text);
	return n;
}

static void health_option(struct run *r, int key)
{
	struct health_spec *h = &r->health;

	switch (key) {
	case KEY_HEALTH_CMD:
		if (!*optarg)
			die("run: --health-cmd '': expected a command");
		h->test = xalloc(3 * sizeof(*h->test));
		h->test[0] = format("CMD-SHELL");
		h->test[1] = optarg;
		break;
	case KEY_NO_HEALTH:
		h->test = xalloc(2 * sizeof(*h->test));
		h->test[0] = format("NONE");
		break;
	case KEY_HEALTH_INTERVAL: h->interval = health_time(optarg, "health-interval"); break;
	case KEY_HEALTH_TIMEOUT: h->timeout = health_time(optarg, "health-timeout"); break;
	case KEY_HEALTH_PERIOD: h->start_period = health_time(optarg, "health-start-period"); break;
	case KEY_HEALTH_START:
		h->start_interval = health_time(optarg, "health-start-interval");
		break;
	default: h->retries = (unsigned int)parse_count(optarg, "health-retries");
	}
	r->detached_option = option_name(key);
}

static void parse_option(struct run *r, int key)
{
	if (key >= KEY_HEALTH_CMD && key <= KEY_NO_HEALTH)
		return health_option(r, key);
	switch (key) {
	case 'm': r->mem = size_word(optarg); break;
	case 'n': r->ncpus = whole_cpus(optarg); break;
	case 'k': r->kernel = optarg; break;
	case 'c': r->cow = optarg; break;
	case 'e':
		run_add_env(r, optarg);
		note_given(r, optarg);
		break;
	case 'w': r->dir = optarg; break;
	case 'u': r->user = optarg; break;
	case 'd': r->detach = true; break;
	case 'i': r->interactive = true; break;
	case 't': r->want_terminal = true; break;
	case 'T': r->no_terminal = true; break;
	case 'v': run_add_volume(r, optarg); break;
	case 'V': r->verbose = true; break;
	case KEY_BARE: r->bare = true; break;
	case KEY_AS_IS: r->as_is = true; break;
	case KEY_NO_TEMPLATE: r->no_template = true; break;
	case KEY_NET: run_add_net(r, optarg); break;
	case KEY_DISK:
		if (!parse_size(optarg, "run: --disk"))
			die("run: --disk %s: not a size (512M, 2G, ...)", optarg);
		r->disk = size_word(optarg);
		break;
	case KEY_PIDS: r->pids = parse_count(optarg, "pids"); break;
	case KEY_TIMEOUT:
		r->timeout = policy_seconds(optarg);
		if (!r->timeout)
			die("run: --timeout '%s': expected a time (90, 90s, 10m, 2h)", optarg);
		break;
	case KEY_LEARN:
		r->learns = true;
		learn_begin(optarg);
		break;
	case KEY_POLICY: r->policy = optarg; break;
	case KEY_AUDIT:
		r->audit_fd = r->audit_fd || !strncmp(optarg, "fd:", 3);
		audit_add(optarg);
		break;
	case KEY_AUDIT_SIZE:
		if (!audit_size(parse_size(optarg, "run: --audit-size")))
			die("run: --audit-size %s: at least %d KiB", optarg, AUDIT_SIZE_MIN_KIB);
		break;
	case KEY_ALLOW: add_allowed(r, optarg); break;
	case KEY_LOOPBACK: r->loopback = loopback_word(optarg); break;
	case KEY_HOST_USER: r->host_user = optarg; break;
	case 'h': run_set_hostname(r, optarg); break;
	case KEY_ENV_FILE: env_file_read(optarg, "run", take_env, r); break;
	case KEY_ENTRYPOINT: r->entrypoint = optarg; break;
	case KEY_READ_ONLY: run_set_read_only(r); break;
	case KEY_TMPFS: run_add_tmpfs(r, optarg); break;
	case KEY_MOUNT: run_add_mount(r, optarg); break;
	case KEY_ADD_HOST: run_add_host(r, optarg); break;
	case KEY_DNS: run_add_dns(r, optarg); break;
	case KEY_ULIMIT: run_add_ulimit(r, optarg); break;
	case KEY_SHM_SIZE: run_set_shm_size(r, optarg); break;
	case KEY_SYSCTL: run_add_sysctl(r, optarg); break;
	case KEY_GROUP_ADD: run_add_group(r, optarg); break;
	case KEY_EXPOSE: run_expose(r, optarg); break;
	case KEY_CIDFILE: run_set_cidfile(r, optarg); break;
	case KEY_PLATFORM: run_check_platform(optarg); break;
	case KEY_PULL: run_check_pull(optarg); break;
	case KEY_VOLUMES_FROM: run_add_volumes_from(r, optarg, volume_word, keep_volume); break;
	case KEY_INIT: r->init = true; break;
	case KEY_PASSWORD: r->hash = run_set_password(r, optarg); break;
	case KEY_SSH_KEY: run_add_ssh_key(r, optarg); break;
	case KEY_CLOUD_INIT: run_set_cloud_init(r, optarg); break;
	case KEY_STOP_SIGNAL:
		r->stop_signal = guest_signal("run: --stop-signal", optarg);
		r->detached_option = "--stop-signal";
		break;
	case KEY_STOP_TIMEOUT:
		r->stop_timeout = stop_seconds("run: --stop-timeout", optarg);
		r->detached_option = "--stop-timeout";
		break;
	case KEY_SYSTEMD:
		r->unit = true;
		r->detached_option = "--systemd";
		break;
	case KEY_CAP_DROP: run_drop_capability(r, optarg); break;
	case KEY_CAP_ADD: run_add_capability(r, optarg); break;
	case KEY_RM: r->rm = true; break;
	case KEY_RESTART: r->restart = optarg; break;
	case KEY_LABEL: add_label(r, optarg); break;
	case KEY_LOG: log_option(r, optarg); break;
	case KEY_NAME:
		r->name = optarg;
		run_add(r, format("umid=%s", optarg));
		break;
	case KEY_PARAM:
		if (!*optarg || !strncmp(optarg, "--", 2))
			die("run: --param '%s': not a parameter", optarg);
		add_param(r, optarg);
		break;
	case 'p':
		if (run_publish(r, optarg))
			break;
		if ((*optarg >= '0' && *optarg <= '9') ||
			(strchr(optarg, ':') && !strchr(optarg, '=')))
			die("run: -p %s: expected [[ADDRESS:]HOST:]GUEST[/udp], with ports "
			    "or FROM-TO",
				optarg);
		if (!*optarg)
			die("run: -p '': expected [[ADDRESS:]HOST:]GUEST[/udp]");
		add_param(r, optarg);
		break;
	case 'P': r->publish_all = true; break;
	default: break;
	}
}

/* Dies if an option needs a detached instance, or is not allowed for one. */
static void check_detached(const struct run *r)
{
	struct restart policy = restart_parse(r->restart ?: "no");

	if (r->rm && policy.kind != RESTART_NO)
		die("run: --rm and --restart exclude each other");
	if (r->rm && r->unit)
		die("run: --rm and --systemd exclude each other");
	if (r->detach && r->no_terminal)
		die("run: -d and -T: a detached instance has channels, unless -t is given");
	if (r->detach && r->learns)
		die("run: -d and --learn exclude each other");
	if (r->detach && r->audit_fd)
		die("run: -d and --audit fd:N: a detached instance writes to a FILE");
	if (r->detach || (policy.kind == RESTART_NO && !r->detached_option))
		return;
	die("run: %s needs -d: an instance that is not detached ends with nestctl",
		policy.kind != RESTART_NO ? "--restart" : r->detached_option);
}

void run_parse(struct run *r, int argc, char **argv)
{
	char **words;

	*r = (struct run){ .kernel = default_kernel(),
		/* strict: unknown parameters are errors, as the built-in init takes no arguments */
		.argv = { "nestling", "strict" },
		.argc = 2,
		.template = -1,
		.started_fd = -1,
		.folder_fd = -1,
		.stop_timeout = -1,
		.fds = { 0, 1, 2 } };
	audit_clear();
	r->user_from = r->argc;
	for (int key; (key = next_option(&cmd_run, argc, argv));) {
		parse_option(r, key);
		if (key >= KEY_PASSWORD && key <= KEY_CLOUD_INIT)
			r->machine_option = option_name(key);
		keep_option(r, key);
	}
	if (r->cidfile && !r->name) {
		r->name = service_new_name();
		run_add(r, format("umid=%s", r->name));
	}
	r->user_to = r->argc;
	run_limit_capabilities(r);
	if (r->rm && r->cow)
		die("run: --rm and --keep exclude each other");
	if (r->want_terminal && r->no_terminal)
		die("run: -t and -T exclude each other");
	if (r->dir && *r->dir != '/')
		die("run: -w %s: expected a path that begins with /", r->dir);
	check_detached(r);
	if (!argv[optind])
		die("run: which image? `nestctl image list` shows them");
	words = take_words(&cmd_run, argc, argv, 1, -1);
	r->image_name = *words;
	r->image = image_path(*words++);
	if (*words && !strcmp(*words, "--"))
		words++;
	r->command = words;
	if (r->publish_all)
		run_publish_all(r, keep_published);
	if (r->policy)
		policy_apply(r, r->policy);
	r->kernel = realpath(r->kernel, NULL) ?: r->kernel;
}

/* Sets and keeps the default host user, if there is one, unless --host-user is given. */
static void keep_host_user(struct run *r)
{
	if (r->host_user)
		return;
	r->host_user = host_user_default(r);
	if (r->host_user)
		keep_word(r, KEY_HOST_USER, r->host_user);
}

static int run_command(int argc, char **argv)
{
	struct service s;
	struct run r;

	open_standard_streams();
	run_parse(&r, argc, argv);
	keep_host_user(&r);
	if (r.detach)
		return service_run(&r);
	if (r.name && service_find(&s, r.name))
		die("run: --name %s: an instance of this name is kept; nestctl rm removes it",
			r.name);
	return run_here(&r);
}

static int create_command(int argc, char **argv)
{
	char **words = xalloc(((size_t)argc + 2) * sizeof(*words));
	struct run r;

	if (argc > 1 && (!strcmp(argv[1], "--help") || (argc == 2 && !strcmp(argv[1], "-h")))) {
		help_command(&cmd_create);
		return 0;
	}
	words[0] = argv[0];
	words[1] = format("--detach");
	memcpy(words + 2, argv + 1, ((size_t)argc - 1) * sizeof(*words));
	words[argc + 1] = NULL;
	open_standard_streams();
	run_parse(&r, argc + 1, words);
	if (r.unit)
		die("create: --systemd starts the instance; nestctl run -d has it");
	r.create = true;
	keep_host_user(&r);
	return service_run(&r);
}

static const struct option_row options[] = {
	{ 'd', "detach", NULL,
		"run in the background and print the instance's name. Its layer, output and exit "
		"status are kept until nestctl rm." },
	{ KEY_RESTART, "restart", "no|on-failure[:N]|always|unless-stopped",
		"with -d: start again when it ends: never (no), after a status that is not 0, at "
		"most N times, or always, until nestctl stop" },
	{ KEY_SYSTEMD, "systemd", NULL,
		"with -d: write a unit of systemd, by which the instance starts now and at each "
		"boot; nestctl rm removes it" },
	{ KEY_LOG, "log-opt", "max-size=SIZE|max-file=N",
		"with -d: how much of the output is kept: files of at most SIZE (10M), and N of "
		"them (5)" },
	{ KEY_HEALTH_CMD, "health-cmd", "TEXT",
		"with -d: run this command of a shell inside now and then: with status 0 the "
		"instance is healthy, as nestctl ps shows. The image's own check is the default." },
	{ KEY_HEALTH_INTERVAL, "health-interval", "TIME", "... so often (30s)" },
	{ KEY_HEALTH_TIMEOUT, "health-timeout", "TIME",
		"... a check that takes longer has failed (30s)" },
	{ KEY_HEALTH_RETRIES, "health-retries", "N", "... so many failures are unhealthy (3)" },
	{ KEY_HEALTH_PERIOD, "health-start-period", "TIME",
		"... time to start, in which failures do not count (0s)" },
	{ KEY_HEALTH_START, "health-start-interval", "TIME", "... how often in that time (5s)" },
	{ KEY_NO_HEALTH, "no-healthcheck", NULL, "with -d: no check, whatever the image says" },
	{ KEY_STOP_SIGNAL, "stop-signal", "SIGNAL",
		"with -d: what nestctl stop sends the command (the image's, or TERM)" },
	{ KEY_STOP_TIMEOUT, "stop-timeout", "SECONDS",
		"with -d: the time that nestctl stop gives (10; a machine 90)" },
	{ KEY_LABEL, "label", "NAME[=VALUE]", "with -d: a note for nestctl ps and inspect" },
	{ KEY_RM, "rm", NULL,
		"keep nothing, which is the default without -d and --keep; with -d, until it "
		"ends" },
	{ 'c', "keep", "FILE",
		"keep what is written in this copy-on-write layer, which is made if it does "
		"not exist" },
	{ 'c', "cow", "FILE", NULL },
	{ 'v', "volume", "HOSTPATH|VOLUME:GUESTPATH[:ro]",
		"mount a folder or a file of the host, or a volume (nestctl volume), at GUESTPATH, "
		"a full path, which is made if it does not exist; with :ro it is read-only. A name "
		"without / that no file here has is a volume, which is made if it does not exist; "
		"it begins empty. May be given sixteen times. The instance sees no other files of "
		"the host." },
	{ 'e', "env", "VAR[=VALUE]",
		"an environment variable of COMMAND; without a value the one that it has here, if "
		"any" },
	{ KEY_ENV_FILE, "env-file", "FILE",
		"variables from lines VAR=VALUE or VAR of a file; # begins a comment" },
	{ KEY_ENTRYPOINT, "entrypoint", "PROGRAM",
		"run PROGRAM with COMMAND as its arguments, instead of the image's entry point and "
		"command; empty: COMMAND alone" },
	{ 'w', "workdir", "GUESTDIR",
		"where COMMAND starts (the user's home); it is made if it does not exist" },
	{ 'u', "user", "USER[:GROUP]",
		"user and group of COMMAND, names or numbers of the image (root)" },
	{ KEY_GROUP_ADD, "group-add", "GROUP",
		"a further group of COMMAND's user, a name or number of the image" },
	{ KEY_HOST_USER, "host-user", "USER|UID[:GID]",
		HOST_USER_HELP " (default: the caller of sudo, else `dynamic`; root with folders "
			       "of the host, ports below 1024 or core=)" },
	{ KEY_BARE, "bare", NULL,
		"ignore the image's own settings for the command (environment, folder, user, "
		"entry point)" },
	{ KEY_AS_IS, "as-is", NULL, NULL }, /* used by image export */
	{ KEY_INIT, "init", NULL,
		"the image's own init (systemd) is process 1: a machine with services. COMMAND is "
		"init's arguments, or an init with its full path." },
	{ KEY_PASSWORD, "password", "TEXT",
		"of a machine: root's password. Users of this host can see it while nestctl "
		"starts; "
		"a hash ($6$...) is taken as it is." },
	{ KEY_SSH_KEY, "ssh-key", "FILE", "of a machine: a public key with which root may log in" },
	{ KEY_CLOUD_INIT, "cloud-init", "FILE|DIR",
		"of a machine: user-data for cloud-init, or a folder with user-data, meta-data, "
		"vendor-data, network-config" },
	{ 'h', "hostname", "NAME", "the host name inside (the image's name)" },
	{ KEY_READ_ONLY, "read-only", NULL,
		"the root is read-only for COMMAND; /tmp, /run and folders of -v and --tmpfs are "
		"not" },
	{ KEY_TMPFS, "tmpfs", "DIR[:OPTIONS]",
		"a file system in memory at DIR, with options such as size=64m,mode=1777,exec" },
	{ KEY_SHM_SIZE, "shm-size", "SIZE", "what /dev/shm holds (half of the memory)" },
	{ KEY_MOUNT, "mount",
		"type=bind|volume|tmpfs,source=HOSTPATH|VOLUME,target=GUESTPATH[,readonly]",
		"the same as -v or --tmpfs; without type a volume, which is made if it does not "
		"exist. A tmpfs has tmpfs-size=SIZE and tmpfs-mode=MODE, and no source." },
	{ KEY_VOLUMES_FROM, "volumes-from", "NAME[:ro]",
		"the folders and volumes of a detached instance, at the same places" },
	{ KEY_PLATFORM, "platform", "linux/amd64", "the platform of all images; no other" },
	{ KEY_PULL, "pull", "never|missing", NULL }, /* an image must be there in both cases */
	{ KEY_ULIMIT, "ulimit", "NAME=SOFT[:HARD]",
		"a limit of COMMAND: nofile, nproc, core and others of ulimit; -1 for none" },
	{ KEY_SYSCTL, "sysctl", "NAME=VALUE",
		"a parameter of the guest's kernel, such as net.ipv4.ip_forward=1, before COMMAND "
		"starts" },
	{ KEY_CAP_DROP, "cap-drop", "CAPABILITY",
		"COMMAND and its children never have it: a name of capabilities(7), or ALL. "
		"Commands of nestctl exec have all." },
	{ KEY_CAP_ADD, "cap-add", "CAPABILITY",
		"COMMAND keeps it in spite of --cap-drop=ALL; without that it has all" },
	{ KEY_ADD_HOST, "add-host", "NAME:ADDRESS",
		"a line of /etc/hosts; host-gateway is the address that --host-loopback opens" },
	{ KEY_DNS, "dns", "ADDRESS",
		"a name server, instead of the network's own; beside a switch that of the switch "
		"stays the first" },
	{ 'p', "publish", "[[ADDRESS:]HOST:]GUEST[/udp]",
		"forward connections to port HOST of this machine (127.0.0.1 unless ADDRESS is "
		"given) to port GUEST of the instance. Without HOST (80, ADDRESS::80) a free port "
		"is chosen, which nestctl port shows; the instance keeps it. Both may be ranges of "
		"one length (8000-8005:80-85); for one GUEST a free port of a range is chosen. A "
		"value of another form is taken as --param." },
	{ 'P', "publish-all", NULL,
		"forward free ports to all ports that the image or --expose exposes and -p does "
		"not name" },
	{ KEY_EXPOSE, "expose", "PORT[-PORT][/udp]", "ports for -P, which inspect shows" },
	{ KEY_NET, "net", "KIND",
		"a network card, as behind eth0= in nestling(1), or none; several times for eth0, "
		"eth1 and so on. The default is slirp, if the host allows it. Cards have their "
		"addresses, by DHCP, when COMMAND starts. Beside switches -p adds a card of "
		"slirp, which leads to the world; --net slirp adds it without a port." },
	{ KEY_NET, "network", "KIND", NULL },
	{ KEY_ALLOW, "allow-net", "HOST[:PORT,...]",
		"let the instance reach HOST, on these ports or on all, and nothing else; several "
		"times for more. HOST is a name, *.NAME for all names below it, an address (of "
		"IPv6 in brackets) or a net (10.0.0.0/8). Other names are not resolved. It limits "
		"the card of slirp: a further card of --net reaches what is behind it." },
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
	{ KEY_PIDS, "pids-limit", "N", NULL },
	{ KEY_TIMEOUT, "timeout", "TIME",
		"end the command after this time (90, 10m, 2h), as a SIGTERM does; the status is "
		"124" },
	{ KEY_AUDIT, "audit", "FILE|fd:N",
		"write what the instance does to a file, at its end, or to a descriptor: programs "
		"that it runs, files of volumes that it changes, connections, and what was "
		"refused, "
		"each a line of JSON. May be given four times." },
	{ KEY_AUDIT_SIZE, "audit-size", "SIZE",
		"a file of --audit that has so many bytes becomes FILE.1, in the place of an older "
		"one, "
		"and a new one begins (64M)" },
	{ 'm', "mem", "SIZE", "memory of the instance (1G)" },
	{ 'm', "memory", "SIZE", NULL },
	{ 'n', "cpus", "N", "virtual CPUs" },
	{ 'n', "ncpus", "N", NULL },
	{ KEY_NAME, "name", "NAME", "the instance's name (UMID), instead of one that is made up" },
	{ KEY_CIDFILE, "cidfile", "FILE",
		"write the instance's name to this file, which must not exist" },
	{ 'i', "interactive", NULL,
		"standard input is COMMAND's, which is the default; with -d, that of nestctl "
		"attach" },
	{ 't', "tty", NULL,
		"COMMAND gets the terminal that standard input and output are; with -d, one for "
		"nestctl attach" },
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
	.hint = docker_option,
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

const struct command cmd_create = {
	.name = "create",
	.args = "[OPTION...] IMAGE [-- COMMAND...]",
	.help = "Makes a detached instance, which nestctl start starts.",
	.text = "Its options are those of nestctl run -d.",
	.hint = docker_option,
	.command_follows = true,
	.run = create_command,
};
