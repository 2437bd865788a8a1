/* SPDX-License-Identifier: MIT */
/* view.c: gathers what ps and inspect show of an instance; see view.h. */
#include "tools/nestctl/service/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tools/nestctl/core/instance.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/table.h"
#include "tools/nestctl/core/umid.h"
#include "tools/nestctl/image/image.h"
#include "tools/nestctl/run/run.h"

/* time to wait for a reply; an instance that hangs is listed as running */
#define ASK_MS 200
/* end of a line of the guest's /proc/nestling/addresses if the card has no link */
#define NO_LINK " no-carrier"
/* eth0 to eth15 */
#define CARDS_MAX 16

/* True if the kernel reports within ASK_MS that the guest is stopped. */
static bool is_paused(const char *folder)
{
	struct umid_console c;
	bool paused;
	size_t len;
	char *text;
	int err;

	if (!umid_try_connect(&c, folder))
		return false;
	c.wait_ms = ASK_MS;
	text = umid_ask(&c, "status", &err, &len);
	close(c.fd);
	paused = text && !err && !strcmp(text, "stopped");
	free(text);
	return paused;
}

static const char *word_of(const struct view *v)
{
	static const char *const words[] = { [PHASE_CREATED] = "created",
		[PHASE_RUNNING] = "running",
		[PHASE_RESTARTING] = "restarting",
		[PHASE_EXITED] = "exited" };

	if (v->pid && is_paused(v->folder))
		return "paused";
	return v->kept ? words[v->state.phase] : "running";
}

/* ---- instances that are not kept ---- */

/*
 * Parses "[ADDRESS]:PORT" of @n characters, in which ADDRESS may be missing. Returns the port and
 * sets *address, or returns 0.
 */
static unsigned int read_place(const char *text, size_t n, const char **address)
{
	const char *colon = memchr(text, ':', n);
	unsigned int port = 0;

	if (!colon)
		return 0;
	*address = format("%.*s", (int)(colon - text), text);
	for (colon++; colon < text + n && port < 65536; colon++) {
		if (*colon < '0' || *colon > '9')
			return 0;
		port = 10 * port + (unsigned int)(*colon - '0');
	}
	return port < 65536 ? port : 0;
}

/*
 * Adds a forwarded port, "hostfwd=KIND:[ADDRESS]:PORT-[ADDRESS]:PORT", to a list of @n texts that
 * ends in NULL, unless the list has it.
 */
static void add_port(char ***list, size_t *n, const char *text)
{
	const char *kind = text + strlen("hostfwd="), *address, *of_guest;
	const size_t end = strcspn(kind, ","), dash = strcspn(kind, "-,");
	const char *port;
	unsigned int host, guest;

	if ((strncmp(kind, "tcp:", 4) && strncmp(kind, "udp:", 4)) || dash == end)
		return;
	host = read_place(kind + 4, dash - 4, &address);
	guest = read_place(kind + dash + 1, end - dash - 1, &of_guest);
	if (!host || !guest)
		return;
	port = format("%u/%.3s -> %s:%u", guest, kind, *address ? address : "0.0.0.0", host);
	for (size_t i = 0; i < *n; i++)
		if (!strcmp((*list)[i], port))
			return;
	*list = realloc(*list, (*n + 2) * sizeof(**list));
	if (!*list)
		die("out of memory");
	(*list)[(*n)++] = (char *)port;
	(*list)[*n] = NULL;
}

/* Returns the ports @own, which may be NULL, and those that a kernel's network cards forward. */
static char **ports_of(char *const *argv, char *const *own)
{
	size_t n = 0;
	char **list;

	while (own && own[n])
		n++;
	list = xalloc((n + 1) * sizeof(*list));
	if (n)
		memcpy(list, own, n * sizeof(*list));
	for (; *argv; argv++)
		for (const char *p = *argv;
			!strncmp(*argv, "eth", 3) && (p = strstr(p, "hostfwd=")); p++)
			add_port(&list, &n, p);
	return list;
}

static bool has_word(char *const *argv, const char *beginning)
{
	for (; *argv; argv++)
		if (!strncmp(*argv, beginning, strlen(beginning)))
			return true;
	return false;
}

/*
 * True if eth@card has no link, as happens while another instance uses its forwarded ports.
 * @addresses: the guest's /proc/nestling/addresses.
 */
static bool has_no_link(const char *addresses, int card)
{
	const char *name = format("eth%d ", card);

	for (const char *p = addresses; p && *p; p += strcspn(p, "\n"), p += *p == '\n') {
		const size_t n = strcspn(p, "\n"), end = strlen(NO_LINK);

		if (!strncmp(p, name, strlen(name)))
			return n >= end && !strncmp(p + n - end, NO_LINK, end);
	}
	return false;
}

/*
 * Returns a network card's words without its ports, which are not forwarded while the card has no
 * link.
 */
static char *without_ports(const char *words)
{
	const char *ports = strstr(words, ",hostfwd=");

	return ports ? format("%.*s", (int)(ports - words), words) : format("%s", words);
}

/*
 * Returns the words that describe network cards, from the kernel's command line. A kernel that was
 * restored from a saved state lacks them there, so they are requested from its management console.
 */
static char **card_words(const struct instance *in)
{
	static char *none[] = { NULL };
	char **words, *addresses;
	struct umid_console c;
	size_t n = 0, len;
	int err;

	if (!has_word(in->argv, "restore="))
		return in->argv;
	if (!umid_try_connect(&c, in->folder))
		return none;
	c.wait_ms = ASK_MS;
	addresses = umid_ask(&c, "proc nestling/addresses", &err, &len);
	words = xalloc((CARDS_MAX + 1) * sizeof(*words));
	for (int i = 0; i < CARDS_MAX; i++) {
		char *text = umid_ask(&c, format("config eth%d", i), &err, &len);

		if (text && !err && *text)
			words[n++] = format("eth%d=%s", i,
				has_no_link(addresses, i) ? without_ports(text) : text);
		free(text);
		if (!text)
			break;
	}
	words[n] = NULL;
	free(addresses);
	close(c.fd);
	return words;
}

/* Returns the cards "ethN=KIND" of a kernel's words, by their numbers; none if eth0 is missing. */
static char **cards_of(char *const *argv)
{
	char **cards = xalloc((CARDS_MAX + 1) * sizeof(*cards));
	size_t n = 0;

	for (int i = 0; i < CARDS_MAX && (n || !i); i++) {
		const char *begin = format("eth%d=", i), *found = NULL;

		for (char *const *word = argv; *word; word++)
			if (!strncmp(*word, begin, strlen(begin)))
				found = *word;
		if (found)
			cards[n++] = format("%.*s", (int)strcspn(found, ","), found);
	}
	cards[n] = NULL;
	return cards;
}

/* Returns an image's name in the store, or its path if it is elsewhere. */
static const char *image_name(const char *file)
{
	const char *base = strrchr(file, '/') ? strrchr(file, '/') + 1 : file;
	size_t n = strlen(base);
	const char *name =
		n > 5 && !strcmp(base + n - 5, ".ext4") ? format("%.*s", (int)n - 5, base) : base;
	char *path = *name ? realpath(image_path(name), NULL) : NULL;
	bool same = path && !strcmp(path, file);

	free(path);
	return same ? name : file;
}

/* Returns the view of an instance that is not kept. */
static struct view of_instance(const struct instance *in)
{
	char **cards = card_words(in);
	struct view v = { .name = in->name,
		.image = image_name(in->image),
		.file = in->image,
		.command = "",
		.created = now_ns() - (int64_t)(in->age * 1e9),
		.pid = in->pid,
		.folder = in->folder,
		.cards = cards_of(cards),
		.ports = ports_of(cards, NULL) };

	v.state.phase = PHASE_RUNNING;
	v.state.started = v.created;
	v.word = word_of(&v);
	return v;
}

/* ---- kept instances ---- */

static const char *command_text(char *const *words)
{
	const char *all = "";

	for (; *words; words++)
		all = format("%s%s%s", all, *all ? " " : "", *words);
	return all;
}

/* Returns the command with its entry point: the user's, or the image's. */
static const char *command_of(const struct service *s)
{
	struct image_config config;
	const char *point, *command;

	if (*s->spec.command)
		return command_text(s->spec.command);
	config = image_config_read(s->spec.file);
	point = command_text((char *const *)image_config_list(&config, 'x'));
	command = command_text((char *const *)image_config_list(&config, 'c'));
	return format("%s%s%s", point, *point && *command ? " " : "", command);
}

/* Returns the view of a kept instance. @in: the running one of this name, or NULL. */
static struct view of_service(const struct service *s, const struct instance *in)
{
	static char *none[] = { NULL };
	struct view v = { .name = s->name,
		.kept = true,
		.service = *s,
		.state = s->seen,
		.image = s->spec.image,
		.file = s->spec.file,
		.command = command_of(s),
		.created = s->spec.created,
		.cards = none,
		.ports = s->seen.phase == PHASE_RUNNING ? s->spec.ports : none };

	if (in && v.state.phase == PHASE_RUNNING) {
		v.pid = in->pid;
		v.folder = in->folder;
		v.cards = cards_of(card_words(in));
		/* -p is in the spec; words of --net and --param are the kernel's alone */
		v.ports = ports_of(card_words(in), s->spec.ports);
	}
	v.word = word_of(&v);
	return v;
}

/* ---- all ---- */

static const struct instance *find(const struct instance *all, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(all[i].name, name))
			return &all[i];
	return NULL;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct view *)a)->name, ((const struct view *)b)->name);
}

struct view *views_all(bool all, size_t *count)
{
	size_t nr_running, nr_kept, n = 0;
	struct instance *running = instances_find(NULL, &nr_running);
	struct service *kept = services_all(&nr_kept);
	struct view *views = xalloc((nr_running + nr_kept + 1) * sizeof(*views));

	instances_measure(running, nr_running);
	for (size_t i = 0; i < nr_kept; i++) {
		struct view v = of_service(&kept[i], find(running, nr_running, kept[i].name));

		if (all || v.state.phase == PHASE_RUNNING || v.state.phase == PHASE_RESTARTING)
			views[n++] = v;
	}
	for (size_t i = 0; i < nr_running; i++) {
		size_t k = 0;

		while (k < nr_kept && strcmp(kept[k].name, running[i].name) != 0)
			k++;
		if (k == nr_kept)
			views[n++] = of_instance(&running[i]);
	}
	qsort(views, n, sizeof(*views), by_name);
	*count = n;
	return views;
}

bool view_find(struct view *v, const char *name)
{
	struct service s;
	size_t n;
	struct instance *in = instances_find(name, &n);

	instances_measure(in, n);
	if (service_find(&s, name)) {
		s.seen = service_state_read(&s);
		*v = of_service(&s, n ? in : NULL);
		service_close(&s);
	} else if (n) {
		*v = of_instance(in);
	} else {
		return false;
	}
	return true;
}

/* ---- texts ---- */

static const char *status_of(const struct view *v)
{
	const struct service_state *st = &v->state;
	const char *up = format("Up %s", duration_text(now_ns() - st->started));

	if (!strcmp(v->word, "paused"))
		return format("%s (Paused)", up);
	if (st->phase == PHASE_RUNNING && st->health != HEALTH_NONE)
		return format("%s (%s%s)", up, st->health == HEALTH_STARTING ? "health: " : "",
			health_word(st->health));
	if (st->phase == PHASE_CREATED)
		return "Created";
	if (st->phase == PHASE_RUNNING)
		return up;
	/* @finished belongs to an earlier end: a killed supervisor has not written it */
	if (st->finished < st->started)
		return format("Exited (%d)", st->exit);
	return format("%s (%d) %s ago", st->phase == PHASE_EXITED ? "Exited" : "Restarting",
		st->exit, duration_text(now_ns() - st->finished));
}

const char *view_status(const struct view *v)
{
	return v->state.lost ? format("%s (data lost)", status_of(v)) : status_of(v);
}

/* Returns the bytes that a file takes on the disk, or 0 if it is missing. */
static uint64_t bytes_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : (uint64_t)st.st_blocks * 512;
}

bool view_size(const struct view *v, uint64_t *own, uint64_t *all)
{
	const struct spec *c = &v->service.spec;
	const char *layer = !v->kept     ? NULL :
			    c->own_layer ? format("%s/layer", v->service.folder) :
					   spec_option(c, "keep");

	if (!layer)
		return false;
	*own = bytes_of(layer);
	*all = *own + bytes_of(v->file);
	return true;
}

/* Adds the kind of a card to a list such as "switch,slirp". */
static const char *add_kind(const char *list, const char *words)
{
	return format("%s%s%.*s", list, *list ? "," : "", (int)strcspn(words, ","), words);
}

/* Returns the kinds of the cards with which the kept instance starts. */
static const char *kept_networks(const struct spec *c)
{
	static const char option[] = "--net=";
	const char *all = "";
	bool slirp = false;

	for (char **w = c->words; *w; w++)
		if (!strncmp(*w, option, sizeof(option) - 1)) {
			const char *words = run_network_kind(*w + sizeof(option) - 1) ?: "slirp";

			slirp = slirp || !strncmp(words, "slirp", 5);
			all = add_kind(all, words);
		}
	/* -p beside a switch adds a card (run/cards.c) */
	return !*all || (*c->ports && !slirp) ? add_kind(all, "slirp") : all;
}

const char *view_networks(const struct view *v)
{
	const char *all = "";

	for (char **card = v->cards; *card; card++)
		all = add_kind(all, strchr(*card, '=') + 1);
	if (!*all && v->kept && v->state.phase != PHASE_RUNNING)
		return kept_networks(&v->service.spec);
	return *all ? all : "none";
}

const char *view_network(const struct view *v)
{
	const char *all = view_networks(v);

	return format("%.*s", (int)strcspn(all, ","), all);
}

const char *view_ports(const struct view *v)
{
	const char *all = "";

	for (char **p = v->ports; *p; p++) {
		const char *arrow = strstr(*p, " -> ");

		if (arrow)
			all = format("%s%s%s->%.*s", all, *all ? ", " : "", arrow + 4,
				(int)(arrow - *p), *p);
	}
	return all;
}

const char *time_text(int64_t ns)
{
	const time_t s = ns / 1000000000;
	struct tm tm;
	char text[32];

	if (!ns)
		return "0001-01-01T00:00:00Z";
	gmtime_r(&s, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	return format("%s.%09ldZ", text, (long)(ns % 1000000000));
}
