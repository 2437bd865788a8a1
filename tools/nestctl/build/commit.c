/* SPDX-License-Identifier: MIT */
/*
 * commit.c: `nestctl commit` and `nestctl diff`, which read the layer of an instance. The layer of
 * a running instance is first copied by `nestctl snapshot`.
 *
 * diff lists the files of image and layer, each in an instance of its own, and compares the entries
 * of each name. Since the layer is over the image, an unchanged file has equal inode number and
 * ctime in both.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/nestctl/build/build.h"
#include "tools/nestctl/build/receive.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/output.h"
#include "tools/nestctl/core/umid.h"
#include "tools/nestctl/cow/cow.h"
#include "tools/nestctl/image/image.h"
#include "tools/nestctl/service/service.h"
#include "tools/nestctl/core/word_list.h"

/* Returns the path of a kept instance's layer. Dies if it has none. */
static const char *layer_of(const struct service *s)
{
	if (s->spec.own_layer)
		return format("%s/layer", s->folder);
	for (char **w = s->spec.words; *w; w++)
		if (!strncmp(*w, "--keep=", 7))
			return *w + 7;
	die("%s: it has no layer", s->name);
}

/* Copies the disk of a running instance into a temporary folder. Returns the copy's path. */
static const char *snapshot(const char *name)
{
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const int said = memfd_create("errors", MFD_CLOEXEC);
	const char *copy = format("%s/ubd0.layer", temporary_folder("a copy of its disk"));
	char *text;

	if (wait_for(spawn((const char *const[]){ nestctl_path, "snapshot", "--disk", "ubd0",
				   "--output", copy, name, NULL },
		    (const int[]){ null, null, said }))) {
		text = program_said(said);
		die("%.*s", (int)strcspn(text, "\n"),
			text + (strncmp(text, "nestctl: ", 9) ? 0 : 9));
	}
	return copy;
}

/* Returns the instance's layer, a copy if it runs, or its image if it has never been started. */
static struct layer take_layer(struct service *s)
{
	struct layer l = { .depth = 2 };

	clean_up_when_ended();
	if (!service_lock(s))
		l.file = snapshot(s->name);
	else if (!access(layer_of(s), F_OK) || errno != ENOENT)
		l.file = layer_of(s);
	else
		l = (struct layer){ .file = s->spec.file, .depth = 1 };
	if (access(l.file, R_OK))
		die("%s: its layer: %s", s->name, strerror(errno));
	return l;
}

struct layer instance_layer(const char *name)
{
	struct service s;

	if (service_find(&s, name))
		return take_layer(&s);
	clean_up_when_ended();
	for (int i = 0; i < 2; i++)
		if (umid_home(i) && umid_is_served(format("%s/%s", umid_home(i), name)))
			return (struct layer){ .file = snapshot(name), .depth = 2 };
	service_open(name); /* dies if there is no such instance */
	die("%s: it ended just now", name);
}

/* ---- commit ---- */

static char **copy_of(char *const *words)
{
	char **list = NULL;

	for (; *words; words++)
		list = words_add(list, *words);
	return list;
}

/* Returns what follows "--OPTION=" if the word begins with it, else NULL. */
static char *value_of(const char *word, const char *option)
{
	size_t n = strlen(option);

	return strncmp(word, option, n) ? NULL : format("%s", word + n);
}

/* Adds to the settings of the image what the options and the command of `nestctl run` have set. */
static void take_settings(struct config *c, const struct spec *s)
{
	char *value;

	for (char **w = s->words; *w; w++) {
		if ((value = value_of(*w, "--env=")))
			config_set(&c->env, value);
		c->dir = value_of(*w, "--workdir=") ?: c->dir;
		c->user = value_of(*w, "--user=") ?: c->user;
		c->stop = value_of(*w, "--stop-signal=") ?: c->stop;
		if ((value = value_of(*w, "--entrypoint="))) {
			c->entry = *value ? words_add(NULL, value) : NULL;
			c->command = NULL;
		}
	}
	for (char **l = s->labels; *l; l++)
		config_set(&c->labels, format("%s", *l));
	/* the words of a machine are its init's */
	if (*s->command && !spec_is_machine(s))
		c->command = copy_of(s->command);
}

int commit_instance(int argc, char **argv)
{
	char **changes = NULL, **words, *text;
	struct image_config old;
	struct service s;
	struct config c;
	struct layer l;
	const char *path, *name;
	char *author = NULL, *message = NULL;
	size_t size;

	for (int key; (key = next_option(&cmd_commit, argc, argv));)
		switch (key) {
		case 'a': author = optarg; break;
		case 'm': message = optarg; break;
		default: changes = words_add(changes, optarg);
		}
	words = take_words(&cmd_commit, argc, argv, 2, 2);
	s = service_open(words[0]);
	name = image_name_of(words[1]);
	path = image_reserve(name);
	old = image_config_read(s.spec.file);
	c = config_of(&old);
	take_settings(&c, &s.spec);
	c.author = author;
	c.comment = message;
	for (; changes && *changes; changes++)
		config_change(&c, *changes, "commit");
	l = take_layer(&s);
	text = config_text(&c, &size);
	layer_store(&l, path, text, size);
	puts(name);
	return 0;
}

/* ---- diff ---- */

/* A file of an image. */
struct name {
	char *path, *target;
	struct stream_head head;
};
struct names {
	struct name *list;
	size_t nr, room;
};

static void add_name(struct names *n, const struct receive *r)
{
	if (n->nr == n->room) {
		n->room = n->room ? 2 * n->room : 4096;
		n->list = realloc(n->list, n->room * sizeof(*n->list));
		if (!n->list)
			die("out of memory");
	}
	n->list[n->nr++] = (struct name){ format("%s", r->path), format("%s", r->target), r->head };
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->path, ((const struct name *)b)->path);
}

/* Returns a list of the files in an image or a layer. */
static struct names list_of(const char *file)
{
	const struct layer l = { .file = realpath(file, NULL) };
	struct step st = { .on = &l, .words = words_add(NULL, format("list")) };
	struct receive *r = xalloc(sizeof(*r));
	struct names n = { 0 };
	const char *why;
	int status;

	if (!l.file)
		die("%s: %s", file, strerror(errno));
	step_start(&st);
	close(st.in);
	st.in = -1;
	r->fd = st.out;
	while (receive_entry(r))
		add_name(&n, r);
	status = step_end(&st, &why);
	if (status || r->broken)
		die("%s: %s", file, *why ? why : "its files cannot be listed");
	if (n.nr)
		qsort(n.list, n.nr, sizeof(*n.list), by_path);
	free(r);
	return n;
}

/* True if both entries are the same inode with the same ctime. */
static bool is_same(const struct name *a, const struct name *b)
{
	const struct stream_head *x = &a->head, *y = &b->head;

	return x->ino == y->ino && x->mode == y->mode && x->ctime == y->ctime &&
	       x->ctime_nsec == y->ctime_nsec && x->size == y->size &&
	       !strcmp(a->target, b->target);
}

int diff_instance(int argc, char **argv)
{
	struct names old, now;
	struct service s;
	struct layer l;
	size_t i = 0, j = 0;

	while (next_option(&cmd_diff, argc, argv))
		;
	s = service_open(take_words(&cmd_diff, argc, argv, 1, 1)[0]);
	l = take_layer(&s);
	old = list_of(s.spec.file);
	now = list_of(l.file);
	while (i < old.nr || j < now.nr) {
		int order = i == old.nr ? 1 :
			    j == now.nr ? -1 :
					  strcmp(old.list[i].path, now.list[j].path);

		if (order < 0)
			printf("D /%s\n", old.list[i++].path);
		else if (order > 0)
			printf("A /%s\n", now.list[j++].path);
		else if (!is_same(&old.list[i++], &now.list[j++]) && *now.list[j - 1].path)
			printf("C /%s\n", now.list[j - 1].path);
	}
	return 0;
}
