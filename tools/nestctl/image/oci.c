/* SPDX-License-Identifier: MIT */
/*
 * oci.c: reads layers and configuration from a bundle.
 *
 * In an OCI layout (OCI image specification, "Image Layout", "Image Manifest", "Image Index",
 * "Image Configuration") index.json refers to a manifest, perhaps through further indexes; the
 * manifest for amd64 is taken. Each reference is the digest of a blob, which is checked. In a
 * docker-save archive without index.json, manifest.json has the names of files. Their layers are
 * not compressed, and are checked by the configuration's diff_ids, the digests of unpacked layers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/nestctl/image/bundle.h"
#include "tools/nestctl/core/json_in.h"
#include "tools/nestctl/image/layers.h"
#include "tools/nestctl/core/nestctl.h"

#define JSON_BYTES (4 << 20)
#define INDEXES_MAX 4

/* Returns the JSON in a blob. */
static const struct json *parse_blob(const struct blob *b)
{
	return json_parse(blob_text(b, JSON_BYTES), (size_t)b->size, b->name);
}

/* Returns the 64 lower-case digits behind "sha256:". Dies if there are none. */
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

/* Returns the index's manifest for this machine. Dies unless there is exactly one. */
static const struct json *choose(const struct json *index, const char *what)
{
	const struct json *list = json_list(index, "manifests"), *found = NULL;

	for (const struct json *m = list ? list->first : NULL; m; m = m->next) {
		if (!is_ours(json_get(m, "platform")))
			continue;
		if (found)
			die("%s: it holds several images; put one into a layout of its own "
			    "(skopeo copy)",
				what);
		found = m;
	}
	if (!found)
		die("%s: it holds no image for amd64", what);
	return found;
}

static void read_config(struct container *c, const struct json *doc, const char *what)
{
	if (!doc || doc->kind != JSON_OBJECT)
		die("%s: not the configuration of an image", what);
	if (!is_ours(doc))
		die("%s: an image for %s on %s; this is for amd64 on linux", what,
			json_string(doc, "os") ?: "?", json_string(doc, "architecture") ?: "?");
	container_read_config(c, doc, what);
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

/* Read an OCI layout, and the output of `docker save`. */
static struct container read_layout(struct bundle *b, const char *what)
{
	struct blob blob = bundle_get(b, "index.json"), config;
	const struct json *doc = parse_blob(&blob), *list;
	struct container c = { 0 };

	for (int i = 0; json_list(doc, "manifests"); i++) {
		if (i == INDEXES_MAX)
			die("%s: indexes nested more than %d deep", what, INDEXES_MAX);
		blob = described(b, choose(doc, what), what);
		doc = parse_blob(&blob);
	}
	list = json_list(doc, "layers");
	c.nr = count(list, what);
	if (!c.nr)
		die("%s: no layers", blob.name);
	config = described(b, json_get(doc, "config"), blob.name);
	read_config(&c, parse_blob(&config), config.name);
	c.layers = xalloc(c.nr * sizeof(*c.layers));
	size_t i = 0;

	for (const struct json *j = list->first; j; j = j->next) {
		check_kind(j, blob.name);
		c.layers[i++] = described(b, j, blob.name);
	}
	return c;
}

static struct container read_saved(struct bundle *b, const char *what)
{
	struct blob blob = bundle_get(b, "manifest.json"), file;
	const struct json *doc = parse_blob(&blob), *list, *ids;
	struct container c = { 0 };
	const char *config;

	if (doc->kind != JSON_LIST || !doc->first)
		die("%s: it names no image", blob.name);
	if (doc->first->next)
		die("%s: it holds several images; save one at a time", what);
	list = json_list(doc->first, "Layers");
	config = json_string(doc->first, "Config");
	c.nr = count(list, what);
	if (!c.nr || !config)
		die("%s: no layers, or no configuration", blob.name);
	file = bundle_get(b, config);
	doc = parse_blob(&file);
	read_config(&c, doc, file.name);
	ids = json_list(json_get(doc, "rootfs"), "diff_ids");
	if (count(ids, file.name) != c.nr)
		die("%s: it lists other layers than %s", file.name, blob.name);
	c.layers = xalloc(c.nr * sizeof(*c.layers));
	ids = ids->first;
	size_t i = 0;

	for (const struct json *j = list->first; j; j = j->next, ids = ids->next) {
		if (j->kind != JSON_TEXT || ids->kind != JSON_TEXT)
			die("%s: a layer without a name", blob.name);
		file = bundle_get(b, j->text);
		if (blob_is_plain(&file))
			file.sha256 = digest_of(ids->text, blob.name);
		c.layers[i++] = file;
	}
	return c;
}

/* Returns the image's first name in manifest.json, or NULL. */
static const char *saved_name(struct bundle *b)
{
	struct blob blob = bundle_get(b, "manifest.json");
	const struct json *doc = parse_blob(&blob), *tags;

	tags = doc->kind == JSON_LIST && doc->first ? json_list(doc->first, "RepoTags") : NULL;
	return tags && tags->first && tags->first->kind == JSON_TEXT ? tags->first->text : NULL;
}

/* Returns the image's name in the annotations of index.json, or NULL. A tag alone is no name. */
static const char *layout_name(struct bundle *b, const char *what)
{
	struct blob blob = bundle_get(b, "index.json");
	const struct json *doc = parse_blob(&blob), *notes;
	const char *name, *ref;

	if (!json_list(doc, "manifests"))
		return NULL;
	notes = json_get(choose(doc, what), "annotations");
	name = json_string(notes, "io.containerd.image.name");
	ref = json_string(notes, "org.opencontainers.image.ref.name");
	return name || (ref && !strpbrk(ref, "/:")) ? name : ref;
}

struct container container_read(struct bundle *b, const char *what)
{
	const bool saved = bundle_has(b, "manifest.json");
	struct container c;

	if (bundle_has(b, "index.json")) {
		c = read_layout(b, what);
		c.name = layout_name(b, what);
		if (!c.name && saved)
			c.name = saved_name(b);
		return c;
	}
	if (saved) {
		c = read_saved(b, what);
		c.name = saved_name(b);
		return c;
	}
	die("%s: it contains neither index.json nor manifest.json: not an image", what);
}
