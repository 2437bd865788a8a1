/* SPDX-License-Identifier: MIT */
/* spec.c: reads and writes the spec of a kept instance: what it runs, as JSON in its folder. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/nestctl/core/json.h"
#include "tools/nestctl/core/json_in.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/image/image.h"
#include "tools/nestctl/run/run.h"
#include "tools/nestctl/run/stop.h"
#include "tools/nestctl/service/service.h"

#define SPEC_MAX (1 << 20)

struct restart restart_parse(const char *text)
{
	char *end;
	unsigned long n;

	if (!strcmp(text, "no"))
		return (struct restart){ RESTART_NO, 0 };
	if (!strcmp(text, "always"))
		return (struct restart){ RESTART_ALWAYS, 0 };
	if (!strcmp(text, "unless-stopped"))
		return (struct restart){ RESTART_UNLESS_STOPPED, 0 };
	if (!strcmp(text, "on-failure"))
		return (struct restart){ RESTART_ON_FAILURE, 0 };
	if (!strncmp(text, "on-failure:", 11) && text[11] >= '0' && text[11] <= '9') {
		n = strtoul(text + 11, &end, 10);
		if (!*end && n <= 1000000)
			return (struct restart){ RESTART_ON_FAILURE, (unsigned int)n };
	}
	die("run: --restart %s: expected no, on-failure[:N], always or unless-stopped", text);
}

bool restart_wanted(const struct restart *policy, const struct service_state *st)
{
	if (st->stopped)
		return false;
	switch (policy->kind) {
	case RESTART_NO: return false;
	case RESTART_ON_FAILURE: return st->exit && (!policy->max || st->restarts < policy->max);
	default: return true;
	}
}

/* Returns the signal that nestctl stop sends: the user's choice, the image's, or SIGTERM. */
static int stop_signal(const struct run *r, const struct image_config *c)
{
	const char *image = r->bare ? NULL : image_config_get(c, 's');

	if (r->stop_signal)
		return r->stop_signal;
	return image ? guest_signal(r->image, image) : SIGTERM;
}

/* Adds a label "NAME=VALUE" to the @n of the list, in the place of one of that name. */
static void add_label(char **list, size_t *n, const char *label)
{
	size_t i = 0, len = strcspn(label, "=");

	while (i < *n && (strncmp(list[i], label, len) || list[i][len] != '='))
		i++;
	list[i] = (char *)(label[len] ? label : format("%s=", label));
	*n += i == *n;
}

/* Returns the labels of the image and the user's, which replace those of the same name. */
static char **labels_of_run(const struct run *r, const struct image_config *c)
{
	const char **image = r->bare ? NULL : image_config_list(c, 'l');
	size_t n = 0, room = 1;
	char **list;

	for (const char **l = image; l && *l; l++)
		room++;
	for (char **l = r->labels; l && *l; l++)
		room++;
	list = xalloc(room * sizeof(*list));
	for (const char **l = image; l && *l; l++)
		add_label(list, &n, *l);
	for (char **l = r->labels; l && *l; l++)
		add_label(list, &n, *l);
	list[n] = NULL;
	return list;
}

struct spec spec_of_run(const struct run *r)
{
	static char *none[] = { NULL };
	char *file = realpath(r->image, NULL);
	struct image_config config;
	bool machine;

	if (!file)
		run_no_image(r);
	config = image_config_read(r->image);
	machine = r->init || (!r->entrypoint && !*r->command && machine_has_init(&config));
	return (struct spec){ .image = r->image_name,
		.file = file,
		.restart = r->restart ?: "no",
		.created = now_ns(),
		.tty = r->want_terminal,
		.input = r->interactive,
		.rm = r->rm,
		.own_layer = !r->cow && !r->rm,
		.log_size = r->log_size ?: LOG_SIZE_DEFAULT,
		.log_files = r->log_files ?: LOG_FILES_DEFAULT,
		.stop_signal = stop_signal(r, &config),
		.stop_timeout = r->stop_timeout >= 0 ? r->stop_timeout :
				machine              ? STOP_TIMEOUT_MACHINE :
						       STOP_TIMEOUT,
		.health = health_of_run(r),
		.words = r->words ?: none,
		.command = r->command,
		.labels = labels_of_run(r, &config),
		.ports = r->ports ?: none };
}

const char *spec_option(const struct spec *c, const char *option)
{
	size_t n = strlen(option);
	const char *value = NULL;

	for (char **w = c->words; *w; w++)
		if (!strncmp(*w, "--", 2) && !strncmp(*w + 2, option, n) && (*w)[2 + n] == '=')
			value = *w + 3 + n;
	return value;
}

bool spec_has(const struct spec *c, const char *option)
{
	for (char **w = c->words; *w; w++)
		if (!strncmp(*w, "--", 2) && !strcmp(*w + 2, option))
			return true;
	return false;
}

bool spec_is_machine(const struct spec *c)
{
	struct image_config config;

	if (spec_has(c, "init"))
		return true;
	if (spec_has(c, "bare") || spec_option(c, "entrypoint") || *c->command)
		return false;
	config = image_config_read(c->file);
	return machine_has_init(&config);
}

/* ---- writing ---- */

/*
 * Dies if a word is not UTF-8. JSON would change its bytes, and the instance could not be started
 * again.
 */
static void check_text(const char *text)
{
	for (int n; *text; text += n) {
		n = utf8_sequence((const unsigned char *)text);
		if (!n)
			die("run: -d: '%s' is not UTF-8", text);
	}
}

static void put_list(const char *key, char *const *words)
{
	json_open(key, '[');
	for (; *words; words++) {
		check_text(*words);
		json_text(NULL, *words);
	}
	json_close(']');
}

static void put_spec(const struct spec *c)
{
	check_text(c->file);
	json_open(NULL, '{');
	json_text("image", c->image);
	json_text("file", c->file);
	json_text("restart", c->restart);
	json_number("created", c->created);
	json_bool("tty", c->tty);
	json_bool("input", c->input);
	json_bool("rm", c->rm);
	json_bool("own_layer", c->own_layer);
	json_number("log_size", (int64_t)c->log_size);
	json_number("log_files", c->log_files);
	json_number("stop_signal", c->stop_signal);
	json_number("stop_timeout", c->stop_timeout);
	put_list("health", c->health.test);
	json_number("health_interval", c->health.interval);
	json_number("health_timeout", c->health.timeout);
	json_number("health_start_period", c->health.start_period);
	json_number("health_start_interval", c->health.start_interval);
	json_number("health_retries", c->health.retries);
	put_list("words", c->words);
	put_list("command", c->command);
	put_list("labels", c->labels);
	put_list("ports", c->ports);
	json_close('}');
}

void spec_write(const struct service *s)
{
	int fd = openat(
		s->dir, "spec.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	if (!f)
		die("%s/spec: %s", s->folder, strerror(errno));
	json_to(f);
	put_spec(&s->spec);
	json_to(NULL);
	if (fflush(f) || fsync(fd) || fclose(f) || renameat(s->dir, "spec.new", s->dir, "spec"))
		die("%s/spec: %s", s->folder, strerror(errno));
}

/* ---- reading ---- */

/* Return a value of @j; false, an empty list or 0 if it is missing. */
static bool get_bool(const struct json *j, const char *key)
{
	const struct json *v = json_get(j, key);

	return v && v->kind == JSON_BOOL && v->text && !strcmp(v->text, "true");
}

static char **get_list(const struct json *j, const char *key)
{
	const struct json *list = json_list(j, key);
	size_t n = 0;
	char **words;

	for (const struct json *v = list ? list->first : NULL; v; v = v->next)
		n++;
	words = xalloc((n + 1) * sizeof(*words));
	n = 0;
	for (const struct json *v = list ? list->first : NULL; v; v = v->next)
		if (v->kind == JSON_TEXT)
			words[n++] = v->text;
	return words;
}

static int64_t get_time(const struct json *j, const char *key)
{
	uint64_t n;

	return json_uint(j, key, &n) && n <= INT64_MAX / 2 ? (int64_t)n : 0;
}

/* Reads the health check. Specs of older versions have none. */
static struct health_spec get_health(const struct json *j)
{
	return (struct health_spec){ .test = get_list(j, "health"),
		.interval = get_time(j, "health_interval"),
		.timeout = get_time(j, "health_timeout"),
		.start_period = get_time(j, "health_start_period"),
		.start_interval = get_time(j, "health_start_interval"),
		.retries = (unsigned int)get_time(j, "health_retries") };
}

struct reading {
	const char *text;
	size_t size;
	struct spec *spec;
};

/* Fills the spec from the text. Dies if it is damaged. */
static void parse(void *arg)
{
	struct reading *r = arg;
	const struct json *j = json_parse(r->text, r->size, "spec");
	struct spec *c = r->spec;
	uint64_t n = 0;

	c->image = json_string(j, "image");
	c->file = json_string(j, "file");
	c->restart = json_string(j, "restart");
	if (!c->image || !c->file || !c->restart)
		die("spec: a text is missing");
	restart_parse(c->restart);
	c->created = json_uint(j, "created", &n) ? (int64_t)n : 0;
	c->tty = get_bool(j, "tty");
	c->input = get_bool(j, "input");
	c->rm = get_bool(j, "rm");
	c->own_layer = get_bool(j, "own_layer");
	c->log_size = json_uint(j, "log_size", &n) && n >= LOG_SIZE_MIN ? n : LOG_SIZE_DEFAULT;
	c->log_files = json_uint(j, "log_files", &n) && n && n <= 1000 ? (unsigned int)n :
									 LOG_FILES_DEFAULT;
	c->stop_signal = json_uint(j, "stop_signal", &n) && n && n <= 64 ? (int)n : SIGTERM;
	c->stop_timeout = json_uint(j, "stop_timeout", &n) && n <= 86400 ? (int)n : STOP_TIMEOUT;
	c->health = get_health(j);
	c->words = get_list(j, "words");
	c->command = get_list(j, "command");
	c->labels = get_list(j, "labels");
	c->ports = get_list(j, "ports");
}

bool spec_read(struct service *s)
{
	int fd = openat(s->dir, "spec", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct reading r = { .spec = &s->spec };
	struct stat st;
	char *text;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size > SPEC_MAX) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	text = xalloc((size_t)st.st_size + 1);
	n = pread(fd, text, (size_t)st.st_size, 0);
	close(fd);
	r.text = text;
	r.size = n > 0 ? (size_t)n : 0;
	return !attempt(parse, &r);
}
