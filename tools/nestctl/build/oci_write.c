/* SPDX-License-Identifier: MIT */
/*
 * oci_write.c: see oci_write.h. The layer's tar (layer_tar.c) is made in a temporary file. Its name
 * in the archive is its digest.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tools/nestctl/build/layer_tar.h"
#include "tools/nestctl/build/oci_write.h"
#include "tools/nestctl/core/json.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/output.h"
#include "tools/nestctl/image/blob.h"
#include "tools/nestctl/core/word_list.h"

/* A part of the archive: text, or a temporary file. */
struct part {
	char digest[65];
	char *text;
	int fd;
	size_t size;
};

/* ---- the layer ---- */

/* Writes the layer as a tar to a temporary file, and sets its size and digest. */
static void write_layer(const struct layer *l, struct part *part, const char *out)
{
	struct tar_sum sum;

	part->fd = temporary_file("the layer");
	sum = layer_tar(l, part->fd, out, NULL);
	part->size = sum.size;
	sha256_end(&sum.sha256, part->digest);
}

/* ---- the configuration ---- */

/* Prints a list, unless @list is NULL. */
static void put_list(const char *key, char *const *list)
{
	if (!list)
		return;
	json_open(key, '[');
	for (; *list; list++)
		json_text(NULL, *list);
	json_close(']');
}

/* Writes the words as the keys of an object: {"80/tcp": {}}. */
static void put_keys(const char *key, char *const *list)
{
	if (!list)
		return;
	json_open(key, '{');
	for (; *list; list++) {
		json_open(*list, '{');
		json_close('}');
	}
	json_close('}');
}

/* Prints the labels, unless @list is NULL. */
static void put_labels(char *const *list)
{
	if (!list)
		return;
	json_open("Labels", '{');
	for (; *list; list++) {
		size_t n = strcspn(*list, "=");

		json_text(format("%.*s", (int)n, *list), (*list)[n] ? *list + n + 1 : "");
	}
	json_close('}');
}

static void put_health(const struct config *c)
{
	static const char *const names[][2] = { { "interval=", "Interval" },
		{ "timeout=", "Timeout" }, { "start-period=", "StartPeriod" },
		{ "start-interval=", "StartInterval" }, { "retries=", "Retries" } };

	if (!c->health)
		return;
	json_open("Healthcheck", '{');
	put_list("Test", c->health);
	for (char **n = c->numbers; n && *n; n++)
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (!strncmp(*n, names[i][0], strlen(names[i][0])))
				json_number(names[i][1], atoll(*n + strlen(names[i][0])));
	json_close('}');
}

static void put_config(const struct config *c, const char *diff_id)
{
	char when[64];
	time_t now = time(NULL);

	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
	json_open(NULL, '{');
	json_text("created", when);
	if (c->author)
		json_text("author", c->author);
	json_text("architecture", "amd64");
	json_text("os", "linux");
	json_open("config", '{');
	put_list("Env", c->env);
	put_list("Entrypoint", c->entry);
	put_list("Cmd", c->command);
	if (c->dir)
		json_text("WorkingDir", c->dir);
	if (c->user)
		json_text("User", c->user);
	put_keys("ExposedPorts", c->ports);
	put_keys("Volumes", c->volumes);
	put_labels(c->labels);
	if (c->stop)
		json_text("StopSignal", c->stop);
	put_health(c);
	put_list("Shell", c->shell);
	put_list("OnBuild", c->onbuild);
	json_close('}');
	json_open("rootfs", '{');
	json_text("type", "layers");
	json_open("diff_ids", '[');
	json_text(NULL, format("sha256:%s", diff_id));
	json_close(']');
	json_close('}');
	json_open("history", '[');
	json_open(NULL, '{');
	json_text("created", when);
	json_text("created_by", "nestctl");
	if (c->comment)
		json_text("comment", c->comment);
	json_close('}');
	json_close(']');
	json_close('}');
}

static void put_blob(const char *key, const char *kind, const struct part *p)
{
	json_open(key, '{');
	json_text("mediaType", format("application/vnd.oci.image.%s", kind));
	json_text("digest", format("sha256:%s", p->digest));
	json_number("size", (int64_t)p->size);
}

/* ---- the archive ---- */

/* Begins a part of the archive that json.h writes. */
static FILE *begin_text(struct part *p)
{
	FILE *f;

	p->fd = -1;
	f = open_memstream(&p->text, &p->size);
	if (!f)
		die("out of memory");
	json_to(f);
	return f;
}

/* Ends the part, and sets its digest. */
static void end_text(struct part *p, FILE *f)
{
	struct sha256 s;

	json_to(NULL);
	if (fclose(f))
		die("out of memory");
	sha256_begin(&s);
	sha256_add(&s, p->text, p->size);
	sha256_end(&s, p->digest);
}

/* Adds a part to the archive as the file @name. */
static void add_file(struct archive *a, const char *name, const struct part *p, const char *out)
{
	struct archive_entry *e = archive_entry_new();
	static char buffer[1 << 18];
	size_t done = 0;

	archive_entry_set_pathname(e, name);
	archive_entry_set_mode(e, S_IFREG | 0644);
	archive_entry_set_size(e, (la_int64_t)p->size);
	if (archive_write_header(a, e) < ARCHIVE_WARN)
		tar_not_written(out, a);
	while (done < p->size) {
		ssize_t n = p->fd < 0 ? (ssize_t)p->size :
					pread(p->fd, buffer, sizeof(buffer), (off_t)done);

		if (n <= 0)
			die("%s: its layer cannot be read again", out);
		if (archive_write_data(a, p->fd < 0 ? p->text : buffer, (size_t)n) != n)
			tar_not_written(out, a);
		done += (size_t)n;
	}
	archive_entry_free(e);
}

/* Returns the part's name in the archive. */
static const char *blob_name(const struct part *p)
{
	return format("blobs/sha256/%s", p->digest);
}

/* An image of the archive. */
struct written {
	struct part layer, config, manifest;
	char **names;
};

/* Returns the name with its tag. */
static const char *tagged(const char *name)
{
	return format("%s%s", name, strrchr(name, ':') ? "" : ":latest");
}

/* Writes a descriptor of the manifest for index.json. @name: the image's name, or NULL. */
static void put_described(const struct part *manifest, const char *name)
{
	put_blob(NULL, "manifest.v1+json", manifest);
	json_open("platform", '{');
	json_text("architecture", "amd64");
	json_text("os", "linux");
	json_close('}');
	if (name) {
		json_open("annotations", '{');
		json_text("org.opencontainers.image.ref.name", strrchr(tagged(name), ':') + 1);
		json_text("io.containerd.image.name", tagged(name));
		json_close('}');
	}
	json_close('}');
}

/* Writes index.json: the digests of the manifests, once for each name. */
static void put_index(const struct written *w, size_t nr)
{
	json_open(NULL, '{');
	json_number("schemaVersion", 2);
	json_text("mediaType", "application/vnd.oci.image.index.v1+json");
	json_open("manifests", '[');
	for (size_t i = 0; i < nr; i++) {
		for (char **name = w[i].names; name && *name; name++)
			put_described(&w[i].manifest, *name);
		if (!w[i].names)
			put_described(&w[i].manifest, NULL);
	}
	json_close(']');
	json_close('}');
}

/* Writes manifest.json in the form of docker save. */
static void put_saved(const struct written *w, size_t nr)
{
	json_open(NULL, '[');
	for (size_t i = 0; i < nr; i++) {
		json_open(NULL, '{');
		json_text("Config", blob_name(&w[i].config));
		json_open("RepoTags", '[');
		for (char **name = w[i].names; name && *name; name++)
			json_text(NULL, tagged(*name));
		json_close(']');
		json_open("Layers", '[');
		json_text(NULL, blob_name(&w[i].layer));
		json_close(']');
		json_close('}');
	}
	json_close(']');
}

static void put_manifest(const struct part *config, const struct part *layer)
{
	json_open(NULL, '{');
	json_number("schemaVersion", 2);
	json_text("mediaType", "application/vnd.oci.image.manifest.v1+json");
	put_blob("config", "config.v1+json", config);
	json_close('}');
	json_open("layers", '[');
	put_blob(NULL, "layer.v1.tar", layer);
	json_close('}');
	json_close(']');
	json_close('}');
}

/* ---- the images ---- */

/* True if both are one file, also under two names. */
static bool is_same_file(const char *a, const char *b)
{
	struct stat x, y;

	return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Makes the parts of the image @i. Its layer may be that of an image before it. */
static void make_parts(struct written *w, const struct oci_image *images, size_t i, const char *out)
{
	size_t same = 0;
	FILE *f;

	while (same < i && !is_same_file(images[same].layer.file, images[i].layer.file))
		same++;
	if (same < i)
		w[i].layer = w[same].layer;
	else
		write_layer(&images[i].layer, &w[i].layer, out);
	/* a name that begins with a slash or a dot is a path */
	for (char **name = images[i].names; name && *name; name++)
		if (**name != '/' && **name != '.')
			w[i].names = words_add(w[i].names, *name);
	f = begin_text(&w[i].config);
	put_config(&images[i].config, w[i].layer.digest);
	end_text(&w[i].config, f);
	f = begin_text(&w[i].manifest);
	put_manifest(&w[i].config, &w[i].layer);
	end_text(&w[i].manifest, f);
}

/* Adds the blobs of the image @i, without those that an image before it has, too. */
static void add_blobs(struct archive *a, const struct written *w, size_t i, const char *out)
{
	const struct part *const parts[] = { &w[i].manifest, &w[i].config, &w[i].layer };

	for (size_t p = 0; p < sizeof(parts) / sizeof(parts[0]); p++) {
		bool there = false;

		for (size_t k = 0; k < i && !there; k++)
			there = !strcmp(parts[p]->digest, w[k].manifest.digest) ||
				!strcmp(parts[p]->digest, w[k].config.digest) ||
				!strcmp(parts[p]->digest, w[k].layer.digest);
		if (!there)
			add_file(a, blob_name(parts[p]), parts[p], out);
	}
}

void oci_write(const struct oci_image *images, size_t nr, const char *path, bool replace)
{
	static char mark[] = "{\"imageLayoutVersion\": \"1.0.0\"}";
	struct part layout = { .text = mark, .size = sizeof(mark) - 1, .fd = -1 };
	struct part index = { 0 }, saved = { 0 };
	struct written *w = xalloc(nr * sizeof(*w));
	const char *out = path ?: "standard output";
	int fd = path ? output_open(path) : 1;
	struct archive *a = archive_write_new();
	FILE *f;

	if (path)
		output_by_umask(fd);
	for (size_t i = 0; i < nr; i++)
		make_parts(w, images, i, out);
	f = begin_text(&index);
	put_index(w, nr);
	end_text(&index, f);
	f = begin_text(&saved);
	put_saved(w, nr);
	end_text(&saved, f);
	if (!a || archive_write_set_format_pax_restricted(a) || archive_write_open_fd(a, fd))
		die("out of memory");
	add_file(a, "oci-layout", &layout, out);
	add_file(a, "index.json", &index, out);
	add_file(a, "manifest.json", &saved, out);
	for (size_t i = 0; i < nr; i++)
		add_blobs(a, w, i, out);
	if (archive_write_close(a))
		tar_not_written(out, a);
	archive_write_free(a);
	/* descriptors of layers end with the process, since images share them */
	if (path)
		output_finish(fd, path, replace);
}
