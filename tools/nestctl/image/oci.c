/* SPDX-License-Identifier: MIT */
/*
 * oci.c: reads layers and configuration from a bundle.
 *
 * In an OCI layout (OCI image specification, "Image Layout", "Image Manifest", "Image Index",
 * "Image Configuration") index.json refers to manifests, perhaps through further indexes; those for
 * amd64 are taken. An image that several of them name is one image. Each reference is the digest of
 * a blob, which is checked. In a docker-save archive without index.json, manifest.json has the
 * names of files. A layer that is not compressed is checked by the configuration's diff_ids, the
 * digests of unpacked layers. A compressed layer of such an archive is not checked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/nestctl/core/word_list.h"
#include "tools/nestctl/image/bundle.h"
#include "tools/nestctl/core/json_in.h"
#include "tools/nestctl/image/layers.h"
#include "tools/nestctl/image/sha256.h"
#include "tools/nestctl/core/nestctl.h"

#define JSON_BYTES (4 << 20)
#define INDEXES_MAX 4
#define NAMES_MAX 256

/* Returns the JSON in a blob. */
static const struct json *parse_blob(const struct blob *b)
{
	return json_parse(blob_text(b, JSON_BYTES), (size_t)b->size, b->name);
}

/* Returns the 64 lower-case digits after "sha256:". Dies if there are none. */
static const char *digest_of(const char *digest, const char *what)
{
	if (!digest)
		die("%s: a part of it has no digest", what);
	if (strncmp(digest, "sha256:", 7) || strlen(digest) != 7 + 64 ||
		strspn(digest + 7, "0123456789abcdef") != 64)
		die("%s: '%.80s' is not a sha256 digest, the only kind that is known", what,
			digest);
	return digest + 7;
}

/* Returns the blob to which a descriptor refers. */
static struct blob described(struct bundle *b, const struct json *descriptor, const char *what)
{
	const char *hex = digest_of(json_string(descriptor, "digest"), what);
	struct blob blob = bundle_get(b, format("blobs/sha256/%s", hex));
	uint64_t size;

	if (!json_uint(descriptor, "size", &size) || size != blob.size)
		die("%s: damaged: its size is %llu, not what its descriptor says", blob.name,
			(unsigned long long)blob.size);
	blob.sha256 = hex;
	return blob;
}

/* True if the platform is this machine's, or is not named. */
static bool is_ours(const struct json *platform)
{
	const char *cpu = json_string(platform, "architecture"), *os = json_string(platform, "os");

	return (!cpu || !strcmp(cpu, "amd64")) && (!os || !strcmp(os, "linux"));
}

/* Returns the first manifest for this machine in a list, from @m on, or NULL. */
static const struct json *next_ours(const struct json *m)
{
	while (m && !is_ours(json_get(m, "platform")))
		m = m->next;
	return m;
}

/* Reads the configuration, or sets c->other if the image is for another machine. */
static void read_config(struct container *c, const struct json *doc, const char *what)
{
	if (!doc || doc->kind != JSON_OBJECT)
		die("%s: not the configuration of an image", what);
	if (is_ours(doc))
		container_read_config(c, doc, what);
	else
		c->other = format("%s: an image for %s on %s; this is for amd64 on linux", what,
			json_string(doc, "os") ?: "?", json_string(doc, "architecture") ?: "?");
}

/* ---- the two forms ---- */

/* Returns the number of layers. Dies if there are too many. */
static size_t count(const struct json *list, const char *what)
{
	size_t n = 0;

	for (const struct json *j = list ? list->first : NULL; j; j = j->next)
		n++;
	if (n > LAYERS_MAX)
		die("%s: more than %d layers", what, LAYERS_MAX);
	return n;
}

static void check_kind(const struct json *layer, const char *what)
{
	const char *kind = json_string(layer, "mediaType");

	if (kind && (!strstr(kind, "tar") || strstr(kind, "encrypted")))
		die("%s: a layer of the kind %s, which is not known", what, kind);
}

/* Adds a name, unless it is NULL or known. */
static void add_name(struct container *c, const char *name)
{
	size_t n = 0;

	if (!name)
		return;
	for (; c->names && c->names[n]; n++)
		if (!strcmp(c->names[n], name))
			return;
	if (n == NAMES_MAX)
		die("%s: more than %d names of one image", name, NAMES_MAX);
	c->names = realloc(c->names, (n + 2) * sizeof(*c->names));
	if (!c->names)
		die("out of memory");
	c->names[n] = format("%s", name);
	c->names[n + 1] = NULL;
}

/* Returns the name in the annotations of a descriptor, or NULL. A tag alone is no name. */
static const char *annotated(const struct json *descriptor)
{
	const struct json *notes = json_get(descriptor, "annotations");
	const char *name = json_string(notes, "io.containerd.image.name"),
		   *ref = json_string(notes, "org.opencontainers.image.ref.name");

	return name || (ref && !strpbrk(ref, "/:")) ? name : ref;
}

/* The images of a bundle. @others: messages about images for other machines, ending in NULL. */
struct found {
	struct container *list;
	size_t nr;
	char **others;
	size_t nr_others;
};

/* Adds an image, or the names of one that is there already. */
static void add_container(struct found *f, const struct container *c, const char *what)
{
	if (c->other) {
		if (f->nr_others++ == CONTAINERS_MAX)
			die("%s: more than %d images", what, CONTAINERS_MAX);
		f->others = words_add(f->others, (char *)c->other);
		return;
	}
	for (size_t i = 0; i < f->nr; i++)
		if (!strcmp(f->list[i].id, c->id)) {
			for (char **n = c->names; n && *n; n++)
				add_name(&f->list[i], *n);
			return;
		}
	if (f->nr == CONTAINERS_MAX)
		die("%s: more than %d images", what, CONTAINERS_MAX);
	f->list = realloc(f->list, (f->nr + 1) * sizeof(*f->list));
	if (!f->list)
		die("out of memory");
	f->list[f->nr++] = *c;
}

/* Reads a manifest, the JSON @doc in @blob. */
static struct container read_manifest(
	struct bundle *b, const struct json *doc, const struct blob *blob)
{
	const struct json *list = json_list(doc, "layers");
	struct blob config;
	struct container c = { 0 };
	size_t i = 0;

	c.nr = count(list, blob->name);
	if (!c.nr)
		die("%s: no layers", blob->name);
	config = described(b, json_get(doc, "config"), blob->name);
	read_config(&c, parse_blob(&config), config.name);
	if (c.other)
		return c;
	memcpy(c.id, config.sha256, sizeof(c.id));
	c.layers = xalloc(c.nr * sizeof(*c.layers));
	for (const struct json *j = list->first; j; j = j->next) {
		check_kind(j, blob->name);
		c.layers[i++] = described(b, j, blob->name);
	}
	return c;
}

/*
 * Reads the image to which a descriptor of index.json refers, perhaps through further indexes, of
 * which the first image for this machine counts. Returns false if there is none.
 */
static bool read_described(
	struct bundle *b, const struct json *descriptor, const char *what, struct container *c)
{
	const char *name = annotated(descriptor);
	struct blob blob = described(b, descriptor, what);
	const struct json *doc = parse_blob(&blob), *list;

	for (int i = 1; (list = json_list(doc, "manifests")); i++) {
		if (i == INDEXES_MAX)
			die("%s: indexes nested more than %d deep", what, INDEXES_MAX);
		descriptor = next_ours(list->first);
		if (!descriptor)
			return false;
		blob = described(b, descriptor, what);
		doc = parse_blob(&blob);
	}
	*c = read_manifest(b, doc, &blob);
	add_name(c, name);
	return true;
}

static void read_layout(struct bundle *b, const char *what, struct found *f)
{
	struct blob blob = bundle_get(b, "index.json");
	const struct json *doc = parse_blob(&blob), *list = json_list(doc, "manifests");
	struct container c;

	if (!list) {
		c = read_manifest(b, doc, &blob);
		add_container(f, &c, what);
		return;
	}
	for (const struct json *m = list->first; (m = next_ours(m)); m = m->next)
		if (read_described(b, m, what, &c))
			add_container(f, &c, what);
	if (!f->nr && !f->nr_others)
		die("%s: it holds no image for amd64", what);
}

/* ---- docker-save ---- */

/* Returns the list in manifest.json. */
static const struct json *saved_list(struct bundle *b, const char **name)
{
	struct blob blob = bundle_get(b, "manifest.json");
	const struct json *doc = parse_blob(&blob);

	*name = blob.name;
	if (doc->kind != JSON_LIST || !doc->first)
		die("%s: it names no image", blob.name);
	return doc;
}

static void add_tags(struct container *c, const struct json *image)
{
	const struct json *tags = json_list(image, "RepoTags");

	for (const struct json *t = tags ? tags->first : NULL; t; t = t->next)
		if (t->kind == JSON_TEXT)
			add_name(c, t->text);
}

/* Reads an element of manifest.json, the file @what. */
static struct container read_saved(struct bundle *b, const struct json *image, const char *what)
{
	const struct json *list = json_list(image, "Layers"), *ids, *doc;
	const char *config = json_string(image, "Config");
	struct container c = { 0 };
	struct blob file;
	struct sha256 sum;
	char *text;
	size_t i = 0;

	c.nr = count(list, what);
	if (!c.nr || !config)
		die("%s: no layers, or no configuration", what);
	file = bundle_get(b, config);
	text = blob_text(&file, JSON_BYTES);
	sha256_begin(&sum);
	sha256_add(&sum, text, (size_t)file.size);
	sha256_end(&sum, c.id);
	doc = json_parse(text, (size_t)file.size, file.name);
	read_config(&c, doc, file.name);
	if (c.other)
		return c;
	ids = json_list(json_get(doc, "rootfs"), "diff_ids");
	if (count(ids, file.name) != c.nr)
		die("%s: it lists other layers than %s", file.name, what);
	c.layers = xalloc(c.nr * sizeof(*c.layers));
	ids = ids->first;
	for (const struct json *j = list->first; j; j = j->next, ids = ids->next) {
		if (j->kind != JSON_TEXT || ids->kind != JSON_TEXT)
			die("%s: a layer without a name", what);
		file = bundle_get(b, j->text);
		if (blob_is_plain(&file))
			file.sha256 = digest_of(ids->text, what);
		c.layers[i++] = file;
	}
	add_tags(&c, image);
	return c;
}

/* Adds to the images of index.json the names that manifest.json has for them. */
static void add_saved_names(struct bundle *b, struct found *f)
{
	const char *what;

	for (const struct json *m = saved_list(b, &what)->first; m; m = m->next) {
		const char *config = json_string(m, "Config");
		const char *base =
			config && strrchr(config, '/') ? strrchr(config, '/') + 1 : config;

		for (size_t i = 0; base && i < f->nr; i++)
			if (!strncmp(base, f->list[i].id, 64))
				add_tags(&f->list[i], m);
	}
}

struct container *containers_read(struct bundle *b, const char *what, size_t *nr)
{
	const bool saved = bundle_has(b, "manifest.json");
	struct found f = { .nr = 0 };

	if (bundle_has(b, "index.json")) {
		read_layout(b, what, &f);
		if (saved)
			add_saved_names(b, &f);
	} else if (saved) {
		const char *name;

		for (const struct json *m = saved_list(b, &name)->first; m; m = m->next) {
			const struct container c = read_saved(b, m, name);

			add_container(&f, &c, what);
		}
	} else {
		die("%s: it contains neither index.json nor manifest.json: not an image", what);
	}
	if (!f.nr)
		die("%s", f.others[0]);
	for (size_t i = 0; i < f.nr_others; i++)
		warn("%s, so it is left out", f.others[i]);
	*nr = f.nr;
	return f.list;
}

struct container container_read(struct bundle *b, const char *what)
{
	size_t nr;
	const struct container *all = containers_read(b, what, &nr);

	if (nr > 1)
		die("%s: it holds several images; nestctl load -i %s takes them all", what, what);
	return all[0];
}
