/* SPDX-License-Identifier: MIT */
/*
 * build.c: `nestctl build`: its options and its result. The image gets its name when the build is
 * complete. An existing image of this name stays if it is equal.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/nestctl/build/build.h"
#include "tools/nestctl/build/oci_write.h"
#include "tools/nestctl/build/rows.h"
#include "tools/nestctl/core/colour.h"
#include "tools/nestctl/core/docker.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/output.h"
#include "tools/nestctl/image/image.h"
#include "tools/nestctl/run/template.h"
#include "tools/nestctl/service/service.h"
#include "tools/nestctl/core/word_list.h"

#define SECRET_MAX (1 << 20)
#define SECRETS_MAX 64
#define TAGS_MAX 64
#define SIZE_LEAST (16ULL << 20)

/* The options that concern the result, not the build. */
struct wish {
	const char *file, *target, *out, *id_file;
	const char *tags[TAGS_MAX];
	size_t nr_tags;
	bool prune;
};

/* Dies if standard input has begun like an archive, which docker takes as a context. */
static void refuse_archive(const char *text, size_t size)
{
	static const char *const begins[] = { "\x1f\x8b", "BZh",
		"\xfd"
		"7zXZ",
		"\x28\xb5\x2f\xfd" };
	bool is = size > 262 && !memcmp(text + 257, "ustar", 5);

	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		is = is ||
		     (size > strlen(begins[i]) && !memcmp(text, begins[i], strlen(begins[i])));
	if (is)
		die("build: -: standard input has an archive; unpack it, and give the folder as "
		    "CONTEXT");
}

/*
 * Returns the content of a file, or of standard input for "-", terminated and of *size bytes. Dies
 * if it has @most bytes or more. @check, unless NULL, is called before that with the content, at
 * most @most bytes, and dies if it must not be used.
 */
static char *read_file(
	const char *name, size_t most, size_t *size, void (*check)(const char *text, size_t size))
{
	int fd = strcmp(name, "-") ? open(name, O_RDONLY | O_CLOEXEC) : 0;
	char *text = xalloc(most + 1);
	ssize_t n = 0;

	if (fd < 0)
		die("%s: %s", name, strerror(errno));
	*size = 0;
	while (*size < most && (n = read(fd, text + *size, most - *size)) > 0)
		*size += (size_t)n;
	if (check)
		check(text, *size);
	if (*size == most || n < 0)
		die("%s: %s", name,
			n < 0 ? strerror(errno) : format("more than %zu bytes", most - 1));
	if (fd)
		close(fd);
	return text;
}

/* Adds NAME[=VALUE] of --build-arg. Without a value the environment's is used. */
static void add_arg(struct build *b, const char *text)
{
	if (!*text || *text == '=')
		die("build: --build-arg '%s': expected NAME=VALUE", text);
	if (strchr(text, '='))
		config_set(&b->given, format("%s", text));
	else if (getenv(text))
		config_set(&b->given, format("%s=%s", text, getenv(text)));
}

/* Adds NAME[=VALUE] of --label. Without a value the label is empty. */
static void add_label(struct build *b, const char *text)
{
	if (!*text || *text == '=')
		die("build: --label '%s': expected NAME=VALUE", text);
	config_set(&b->labels, format("%s%s", text, strchr(text, '=') ? "" : "="));
}

static void check_platform(const char *text)
{
	if (!platform_is_own(text))
		die("build: --platform %s: there is linux/amd64 only", text);
}

/* Adds a secret: id=NAME[,src=FILE|,env=VAR][,type=file|env]. */
static void add_secret(struct build *b, const char *text)
{
	const char *id = NULL, *file = NULL, *env = NULL;
	char *copy = format("%s", text), *word;
	struct secret *s;

	while ((word = strsep(&copy, ","))) {
		if (!strncmp(word, "id=", 3))
			id = word + 3;
		else if (!strncmp(word, "src=", 4))
			file = word + 4;
		else if (!strncmp(word, "source=", 7))
			file = word + 7;
		else if (!strncmp(word, "env=", 4))
			env = word + 4;
		else if (strncmp(word, "type=", 5) != 0)
			die("build: --secret %s: '%s' is not known", text, word);
	}
	if (!id || !*id || strpbrk(id, "/\t") || *id == '.')
		die("build: --secret %s: expected id=NAME,src=FILE or id=NAME,env=VAR", text);
	if (b->nr_secrets == SECRETS_MAX)
		die("build: more than %d secrets", SECRETS_MAX);
	if (!b->secrets)
		b->secrets = xalloc(SECRETS_MAX * sizeof(*b->secrets));
	s = &b->secrets[b->nr_secrets++];
	s->id = id;
	if (!file) {
		s->text = getenv(env ? env : id);
		if (!s->text)
			die("build: --secret %s: the variable %s is not set", text, env ? env : id);
		s->size = strlen(s->text);
		return;
	}
	s->text = read_file(file, SECRET_MAX, &s->size, NULL);
}

static void take_option(struct build *b, struct wish *w, int key)
{
	switch (key) {
	case 'f': w->file = optarg; break;
	case 't':
		if (w->nr_tags == TAGS_MAX)
			die("build: more than %d names", TAGS_MAX);
		w->tags[w->nr_tags++] = optarg;
		break;
	case 'o': w->out = optarg; break;
	case 'q': b->quiet = true; break;
	case 's': b->size = parse_size(optarg, "--size"); break;
	case 'm': b->mem = optarg; break;
	case KEY_BUILD_ARG: add_arg(b, optarg); break;
	case KEY_TARGET: w->target = optarg; break;
	case KEY_NO_CACHE: b->no_cache = true; break;
	case KEY_SECRET: add_secret(b, optarg); break;
	case KEY_NETWORK: b->net = optarg; break;
	case KEY_PRUNE: w->prune = true; break;
	case KEY_LABEL: add_label(b, optarg); break;
	case KEY_PLATFORM: check_platform(optarg); break;
	case KEY_IIDFILE: w->id_file = optarg; break;
	/* --pull, --progress, --rm: accepted because docker has them */
	default: break;
	}
}

/* Returns CONTEXT/Dockerfile if only that file exists, else CONTEXT/Containerfile. */
static const char *file_of(const char *context)
{
	const char *file = format("%s/Containerfile", context),
		   *old = format("%s/Dockerfile", context);

	if (access(file, F_OK) && !access(old, F_OK))
		return old;
	return file;
}

static void read_all(struct build *b, const struct wish *w, const char *context)
{
	const bool none = !strcmp(context, "-");
	size_t size;
	char *text;

	if (strstr(context, "://") || !strncmp(context, "git@", 4))
		die("build: %s: nothing is fetched; get it before, and give the folder", context);
	if (none && w->file)
		die("build: -f %s: a CONTEXT of - has the Containerfile itself, so one of both "
		    "must go",
			w->file);
	b->file = none ? "-" : w->file ? w->file : file_of(context);
	text = read_file(b->file, CONTAINERFILE_MAX + 2, &size, none ? refuse_archive : NULL);
	b->parsed = containerfile_parse(b->file, text, size);
	b->context = none ? context_none() : context_open(context, b->file);
}

static void warn_unused(const struct build *b)
{
	for (char **g = b->given; g && *g; g++) {
		size_t n = strcspn(*g, "=");
		bool used = false;

		for (char **u = b->used; u && *u && !used; u++)
			used = strlen(*u) == n && !strncmp(*u, *g, n);
		if (!used)
			warn("--build-arg %.*s: no ARG takes it", (int)n, *g);
	}
}

/* ---- the result ---- */

/* Returns the settings with a further string "kKEY". KEY is a digest of the image's content. */
static char *text_with_key(const struct config *c, const struct layer *l, size_t *size)
{
	char *text = config_text(c, size), *all, key[65];
	struct sha256 s;

	key_begin(&s, l->key, "image");
	sha256_add(&s, text, *size);
	sha256_end(&s, key);
	all = xalloc(*size + 1 + sizeof(key));
	memcpy(all, text, *size);
	all[*size] = 'k';
	memcpy(all + *size + 1, key, sizeof(key));
	*size += 1 + sizeof(key);
	return all;
}

/* True if the image exists and has exactly these settings. */
static bool is_same(const char *path, const char *text, size_t size)
{
	const struct image_config old = image_config_read(path);

	return !access(path, R_OK) && old.size == size && !memcmp(old.text, text, size);
}

/* Locks the name of an image that may exist, and returns its path. */
static const char *reserve(const char *tag)
{
	const char *path = image_path(tag);
	struct stat st;

	image_check_name(tag);
	if (!strchr(tag, '/') && strpbrk(tag, " ,\n"))
		die("'%.200s' is not a name for an image", tag);
	image_lock(tag);
	if (!stat(path, &st) && !S_ISREG(st.st_mode))
		die("%s: not an image", path);
	image_config_must_be_ours(path);
	return path;
}

/* Dies if an instance has a layer over the image that is to be replaced. */
static void check_unused(const char *path, const char *name)
{
	char *file = realpath(path, NULL);
	struct service *all;
	size_t n;

	if (!file)
		return;
	image_must_be_idle(file, name);
	all = services_all(&n);
	for (size_t i = 0; i < n; i++)
		if (!strcmp(all[i].spec.file, file))
			die("%s: the layer of the instance %s is over it; nestctl rm %s removes "
			    "that, -t another name keeps both",
				name, all[i].name, all[i].name);
	free(file);
}

/* Removes the templates of the replaced image. */
static void prune(void *unused)
{
	templates_prune();
}

/* Stores the result as the image @tag, in the file @path. */
static void keep(const struct build *b, const struct stage *s, const char *tag, const char *path)
{
	size_t size;
	char *text = text_with_key(&s->config, &s->layer, &size);

	if (is_same(path, text, size)) {
		if (!b->quiet)
			fprintf(stderr, "%s is the same already\n", tag);
	} else {
		check_unused(path, tag);
		layer_store(&s->layer, path, text, size);
		attempt(prune, NULL);
	}
	free(text);
}

/* Stores the result under its digest, as docker's id, and returns that name. */
static const char *keep_unnamed(const struct build *b, const struct stage *s)
{
	size_t size;
	const char *text = text_with_key(&s->config, &s->layer, &size);
	/* the key is the text's last string */
	const char *name = format("sha256:%s", text + size - sizeof(s->layer.key));

	keep(b, s, name, reserve(name));
	return name;
}

/* Writes the image's id as docker does, without a line feed. */
static void write_id(int fd, const char *path, const char *id)
{
	output_by_umask(fd);
	write_all(fd, id, strlen(id), path);
	output_finish(fd, path, true);
}

/*
 * Stores the result under all its names, and in the archive. @id: the file for --iidfile, or -1.
 */
static void keep_all(const struct build *b, const struct stage *s, const struct wish *w,
	const char *const *paths, int id)
{
	const char *unnamed = NULL;

	for (size_t i = 0; i < w->nr_tags; i++)
		keep(b, s, w->tags[i], paths[i]);
	if (w->out) {
		struct oci_image image = { .layer = s->layer, .config = s->config };

		for (size_t i = 0; i < w->nr_tags; i++)
			image.names =
				words_add(image.names, format("%s", image_name_of(w->tags[i])));
		oci_write(&image, 1, w->out, false);
	}
	for (size_t i = 0; i < w->nr_tags; i++)
		puts(image_name_of(w->tags[i]));
	if (!w->nr_tags && (w->id_file || (b->quiet && !w->out)))
		puts(unnamed = keep_unnamed(b, s));
	if (w->id_file)
		write_id(id, w->id_file, unnamed ?: image_name_of(w->tags[0]));
	if (!w->nr_tags && !w->out && !unnamed)
		fputs("built; -t NAME makes it an image of the store\n", stderr);
}

int build_image(int argc, char **argv)
{
	struct build *b = xalloc(sizeof(*b));
	struct wish w = { 0 };
	const char *paths[TAGS_MAX];
	size_t target;
	int lock, id = -1;
	char **words;

	for (int key; (key = next_option(&cmd_build, argc, argv));)
		take_option(b, &w, key);
	words = take_words(&cmd_build, argc, argv, w.prune ? 0 : 1, w.prune ? 0 : 1);
	if (w.prune) {
		puts(size_text((double)cache_prune(0)));
		return 0;
	}
	if (b->size && b->size < SIZE_LEAST)
		die("--size: an image needs at least 16M");
	if (w.out && !access(w.out, F_OK))
		die("%s: %s", w.out, strerror(EEXIST));
	read_all(b, &w, words[0]);
	target = plan(b, w.target);
	if (w.id_file) {
		id = output_open(w.id_file);
		/* a build that fails leaves no id of an earlier one */
		unlink(w.id_file);
	}
	lock = cache_open();
	for (size_t i = 0; i < w.nr_tags; i++)
		paths[i] = reserve(image_name_of(w.tags[i]));
	for (size_t i = 0; i < b->nr_stages; i++)
		if (b->stages[i].needed)
			stage_perform(b, i);
	warn_unused(b);
	for (char **l = b->labels; l && *l; l++)
		config_set(&b->stages[target].config.labels, *l);
	keep_all(b, &b->stages[target], &w, paths, id);
	cache_trim(lock);
	return 0;
}
