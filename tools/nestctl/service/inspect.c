/* SPDX-License-Identifier: MIT */
/*
 * inspect.c: `nestctl inspect`: prints everything about instances and images, with docker's names.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/fields.h"
#include "tools/nestctl/core/json.h"
#include "tools/nestctl/core/json_in.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/image/image.h"
#include "tools/nestctl/run/run.h"
#include "tools/nestctl/service/images.h"
#include "tools/nestctl/service/inspect.h"
#include "tools/nestctl/service/log.h"
#include "tools/nestctl/service/network.h"
#include "tools/nestctl/service/view.h"
#include "tools/nestctl/service/volume.h"

/* bytes for five results with 4 KiB of output each, of which JSON may need six for one byte */
#define RESULTS_MAX (256 << 10)
#define ERROR_MAX 4096

/* Writes a list that ends in NULL, or is NULL. */
static void put_list(const char *key, char *const *words)
{
	json_open(key, '[');
	for (; words && *words; words++)
		json_text(NULL, *words);
	json_close(']');
}

/* Writes the values of all words --OPTION=VALUE that the spec keeps. */
static void put_option(const char *key, const struct spec *c, const char *option)
{
	size_t n = strlen(option);

	json_open(key, '[');
	for (char **w = c->words; *w; w++)
		if (!strncmp(*w, "--", 2) && !strncmp(*w + 2, option, n) && (*w)[2 + n] == '=')
			json_text(NULL, *w + 3 + n);
	json_close(']');
}

/* Returns the value of a spec's option, or "". */
static const char *option_of(const struct spec *c, const char *option)
{
	return spec_option(c, option) ?: "";
}

static void put_labels(char *const *labels)
{
	json_open("Labels", '{');
	for (; *labels; labels++)
		json_text(format("%.*s", (int)strcspn(*labels, "="), *labels),
			strchr(*labels, '=') + 1);
	json_close('}');
}

/*
 * Writes the results of health checks. The supervisor replaces their file as a whole, so it is
 * always complete.
 */
static void put_results(const char *path)
{
	char *text = xalloc(RESULTS_MAX);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : read(fd, text, RESULTS_MAX);
	const struct json *all = n > 0 ? json_parse(text, (size_t)n, path) : NULL;
	uint64_t status;

	json_open("Log", '[');
	for (const struct json *r = all ? all->first : NULL; r; r = r->next) {
		json_open(NULL, '{');
		json_text("Start", json_string(r, "Start") ?: "");
		json_text("End", json_string(r, "End") ?: "");
		json_number("ExitCode", json_uint(r, "ExitCode", &status) ? (int64_t)status : -1);
		json_text("Output", json_string(r, "Output") ?: "");
		json_close('}');
	}
	json_close(']');
	if (fd >= 0)
		close(fd);
}

static void put_health_state(const struct view *v)
{
	json_open("Health", '{');
	json_text("Status", health_word(v->state.health));
	json_number("FailingStreak", v->state.failing);
	put_results(format("%s/health", v->service.folder));
	json_close('}');
}

/* Returns the reason why the last start failed, or "". */
static const char *error_of(const struct service *s)
{
	char text[ERROR_MAX + 1];
	int fd =
		open(format("%s/error", s->folder), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : read(fd, text, ERROR_MAX);

	if (fd >= 0)
		close(fd);
	return n > 0 ? format("%.*s", (int)n, text) : "";
}

static void put_state(const struct view *v)
{
	const struct service_state *st = &v->state;

	json_open("State", '{');
	json_text("Status", v->word);
	json_bool("Running", st->phase == PHASE_RUNNING);
	json_bool("Paused", !strcmp(v->word, "paused"));
	json_bool("Restarting", st->phase == PHASE_RESTARTING);
	json_bool("Stopped", st->stopped);
	json_number("Pid", v->pid);
	json_number("Supervisor", st->supervisor);
	json_bool("OOMKilled", st->oom);
	json_bool("DataLost", st->lost);
	/* a half-removed instance cannot be found by name, so none is ever dead */
	json_bool("Dead", false);
	json_number("ExitCode", st->exit);
	json_text("Error", v->kept ? error_of(&v->service) : "");
	json_text("StartedAt", time_text(st->started));
	json_text("FinishedAt", time_text(st->finished));
	if (v->kept && *v->service.spec.health.test)
		put_health_state(v);
	json_close('}');
}

/* Writes ports in docker's form: "80/tcp": [{HostIp, HostPort}]. */
static void put_ports(const char *key, char *const *ports)
{
	json_open(key, '{');
	for (; *ports; ports++) {
		const char *to = strstr(*ports, " -> "), *port = to ? strrchr(to, ':') : NULL;

		if (!port)
			continue;
		json_open(format("%.*s", (int)(to - *ports), *ports), '[');
		json_open(NULL, '{');
		json_text("HostIp", format("%.*s", (int)(port - to - 4), to + 4));
		json_text("HostPort", port + 1);
		json_close('}');
		json_close(']');
	}
	json_close('}');
}

/* Writes the addresses as members of the present object. */
static void put_addresses(const struct network *n)
{
	json_text("IPAddress", n->address);
	json_number("IPPrefixLen", n->prefix);
	json_text("Gateway", n->gateway);
	json_text("GlobalIPv6Address", n->address6);
	json_number("GlobalIPv6PrefixLen", n->prefix6);
	json_text("IPv6Gateway", n->gateway6);
	json_text("MacAddress", n->mac);
}

/*
 * Returns the name of the card's network: its kind, such as "switch". For a further card of the
 * same kind, returns "switch-eth1".
 */
static const char *network_name(char *const *cards, char *const *card)
{
	const char *kind = strchr(*card, '=') + 1;

	for (; cards < card; cards++)
		if (!strcmp(strchr(*cards, '=') + 1, kind))
			return format("%s-%.*s", kind, (int)strcspn(*card, "="), *card);
	return kind;
}

static void put_network(const struct view *v)
{
	struct network n = network_ask(*v->cards ? v->folder : NULL, "eth0");

	json_open("NetworkSettings", '{');
	put_ports("Ports", v->ports);
	put_addresses(&n);
	json_open("Networks", '{');
	for (char **card = v->cards; *card; card++) {
		if (card > v->cards)
			n = network_ask(v->folder, format("%.*s", (int)strcspn(*card, "="), *card));
		json_open(network_name(v->cards, card), '{');
		put_addresses(&n);
		json_close('}');
	}
	json_close('}');
	json_close('}');
}

/* Writes the health check, if there is one. */
static void put_check(const struct health_spec *h)
{
	if (!*h->test)
		return;
	json_open("Healthcheck", '{');
	put_list("Test", h->test);
	json_number("Interval", h->interval);
	json_number("Timeout", h->timeout);
	json_number("StartPeriod", h->start_period);
	json_number("StartInterval", h->start_interval);
	json_number("Retries", h->retries);
	json_close('}');
}

/* Returns "SIGTERM", or the number of a real-time signal. */
static const char *signal_text(int sig)
{
	const char *name = signal_abbreviation(sig);

	return name ? format("SIG%s", name) : format("%d", sig);
}

/* Writes memory and CPUs of the machine, in docker's units. */
static void put_machine(const struct spec *c)
{
	const char *mem = spec_option(c, "mem"), *cpus = spec_option(c, "cpus");

	json_number("Memory", (int64_t)parse_size(mem ?: DEFAULT_MEMORY, "--mem"));
	json_number("NanoCpus", (cpus ? strtol(cpus, NULL, 10) : 0) * 1000000000);
	json_bool("Privileged", false);
	json_bool("ReadonlyRootfs", spec_has(c, "read-only"));
	put_option("ExtraHosts", c, "add-host");
	put_option("Dns", c, "dns");
	put_option("Tmpfs", c, "tmpfs");
	put_option("GroupAdd", c, "group-add");
	if (spec_option(c, "shm-size"))
		json_number(
			"ShmSize", (int64_t)parse_size(spec_option(c, "shm-size"), "--shm-size"));
	inspect_sysctls(c);
}

/* Writes the members that only a kept instance has. */
static void put_kept(const struct view *v)
{
	const struct spec *c = &v->service.spec;
	const struct restart policy = restart_parse(c->restart);

	inspect_command(c);
	json_text("Folder", v->service.folder);
	json_text("LogPath", inspect_log_path(&v->service));
	json_text("Layer",
		c->own_layer ? format("%s/layer", v->service.folder) : option_of(c, "keep"));
	json_number("RestartCount", v->state.restarts);
	json_open("HostConfig", '{');
	json_open("RestartPolicy", '{');
	json_text("Name", format("%.*s", (int)strcspn(c->restart, ":"), c->restart));
	json_number("MaximumRetryCount", policy.max);
	json_close('}');
	json_bool("AutoRemove", c->rm);
	json_text("NetworkMode", view_network(v));
	put_machine(c);
	put_option("Binds", c, "volume");
	put_option("CapAdd", c, "cap-add");
	put_option("CapDrop", c, "cap-drop");
	put_ports("PortBindings", c->ports);
	json_close('}');
	inspect_mounts(c);
	json_open("Config", '{');
	json_text("Image", c->image);
	json_text("Hostname", option_of(c, "hostname"));
	json_bool("Tty", c->tty);
	json_bool("OpenStdin", c->input);
	inspect_own(c);
	inspect_exposed(c);
	put_labels(c->labels);
	json_text("StopSignal", signal_text(c->stop_signal));
	json_number("StopTimeout", c->stop_timeout);
	put_check(&c->health);
	put_list("Options", c->words);
	json_close('}');
}

/* Writes docker's sizes. An instance that is not detached has none: its layer has no name. */
static void put_sizes(const struct view *v)
{
	uint64_t own, all;

	if (!view_size(v, &own, &all))
		return;
	json_number("SizeRw", (int64_t)own);
	json_number("SizeRootFs", (int64_t)all);
}

static void put_instance(const struct view *v, bool size)
{
	json_open(NULL, '{');
	json_text("Id", v->name);
	json_text("Name", v->name);
	json_bool("Detached", v->kept);
	json_text("Created", time_text(v->created));
	json_text("Image", v->file);
	put_state(v);
	if (v->kept)
		put_kept(v);
	put_network(v);
	if (size)
		put_sizes(v);
	json_close('}');
}

static void put_image(const char *name, const char *file, const struct stat *st)
{
	struct image_config config = image_config_read(file);
	const struct image_health health = image_config_health(&config);

	json_open(NULL, '{');
	json_text("Id", name);
	json_text("Path", file);
	json_text("Created", time_text(st->st_mtim.tv_sec * 1000000000L + st->st_mtim.tv_nsec));
	json_number("Size", st->st_blocks * 512);
	json_number("VirtualSize", st->st_size);
	json_text("Author", image_config_get(&config, 'a') ?: "");
	json_text("Comment", image_config_get(&config, 'm') ?: "");
	json_open("RepoTags", '[');
	if (!strchr(name, '/'))
		json_text(NULL, format("%s%s", name, strchr(name, ':') ? "" : ":latest"));
	json_close(']');
	json_text("Architecture", "amd64");
	json_text("Os", "linux");
	json_open("Config", '{');
	inspect_settings(&config);
	put_check(&(struct health_spec){ .test = (char **)health.test,
		.interval = (int64_t)health.interval,
		.timeout = (int64_t)health.timeout,
		.start_period = (int64_t)health.start_period,
		.start_interval = (int64_t)health.start_interval,
		.retries = (unsigned int)health.retries });
	json_close('}');
	json_close('}');
}

/* What a name may denote. */
enum kind { ANY, INSTANCE, IMAGE, VOLUME };
static const char *const kinds[] = { "instance, image or volume", "instance", "image", "volume" };

/* What `inspect` prints: @kind of object. @size: also the sizes of instances. */
struct wish {
	enum kind kind;
	bool size;
};

/*
 * Prints the instance, image or volume @name by the template @f, or as JSON if @f is NULL. Returns
 * false after a message if there is none.
 */
static bool put(struct fields *f, const char *name, const struct wish *w)
{
	const enum kind kind = w->kind;
	struct view v;
	struct stat st;
	bool instance = (kind == ANY || kind == INSTANCE) && view_find(&v, name);
	const char *file = instance || kind == INSTANCE || kind == VOLUME ? NULL : image_path(name);

	if (!instance && (!file || stat(file, &st) || !S_ISREG(st.st_mode))) {
		if ((kind == ANY || kind == VOLUME) && volume_is_name(name) &&
			volume_exists(name)) {
			volume_print(name, f);
			return true;
		}
		warn("%s: no %s of this name", name, kinds[kind]);
		return false;
	}
	if (f)
		fields_row_begin(f);
	if (instance)
		put_instance(&v, w->size);
	else
		put_image(name, file, &st);
	if (f)
		fields_row_end(f);
	return true;
}

static enum kind kind_of(const char *type)
{
	if (!strcmp(type, "container"))
		return INSTANCE;
	if (!strcmp(type, "volume"))
		return VOLUME;
	if (strcmp(type, "image") != 0)
		die("inspect: --type %s: expected container, image or volume", type);
	return IMAGE;
}

enum { KEY_TYPE = 256 };

/* Prints the instances, images and volumes of the words. Returns 0, or 1 if some do not exist. */
static int inspect_all(const struct command *c, enum kind kind, int argc, char **argv)
{
	struct wish wish = { .kind = kind };
	const char *template = NULL;
	struct fields *f;
	char **names;
	int status = 0;

	for (int key; (key = next_option(c, argc, argv));)
		switch (key) {
		case KEY_TYPE: wish.kind = kind_of(optarg); break;
		case 's': wish.size = true; break;
		default: template = key == 'f' ? optarg : NULL;
		}
	names = take_words(c, argc, argv, 1, -1);
	f = template ? fields_parse(template) : NULL;
	if (!f) {
		json_indent(4);
		json_open(NULL, '[');
	}
	for (; *names; names++)
		status = put(f, *names, &wish) ? status : 1;
	if (f)
		fields_finish(f);
	else
		json_close(']');
	return status;
}

static int inspect(int argc, char **argv)
{
	return inspect_all(&cmd_inspect, ANY, argc, argv);
}

static int image_inspect(int argc, char **argv)
{
	return inspect_all(&cmd_image_inspect, IMAGE, argc, argv);
}

static const struct option_row image_options[] = {
	{ 'f', "format", "TEMPLATE",
		"print fields: {{.Size}}, {{.Created}}, {{json .Config}}, {{index .Config.Cmd "
		"0}}" },
	OPTION_JSON,
	{ 0 },
};

const struct command cmd_image_inspect = {
	.name = "image inspect",
	.args = "IMAGE...",
	.help = "Prints all that is known of images, as JSON.",
	.text = "The names of fields are docker's. nestctl inspect prints instances, too.",
	.options = image_options,
	.run = image_inspect,
};

static const struct option_row options[] = {
	{ 'f', "format", "TEMPLATE",
		"print fields: {{.State.Status}}, {{.State.ExitCode}}, {{json .Config}}, {{index "
		".Config.Labels \"NAME\"}}" },
	{ KEY_TYPE, "type", "container|image|volume",
		"look for an instance, for an image, or for a volume only" },
	{ 's', "size", NULL,
		"also what the layer of a detached instance takes on the disk, {{.SizeRw}}, and "
		"with its image, {{.SizeRootFs}}, in bytes" },
	OPTION_JSON,
	{ 0 },
};

const struct command cmd_inspect = {
	.name = "inspect",
	.args = "NAME...",
	.help = "Prints all that is known of instances, images and volumes, as JSON.",
	.text = "The names of fields are docker's. A name of several is the instance's first, then "
		"the image's. Of an instance that is not detached less is "
		"known.",
	.options = options,
	.run = inspect,
};
