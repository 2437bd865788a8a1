/* SPDX-License-Identifier: MIT */
/*
 * layers.c: see layers.h.
 *
 * An entry is identified by its layer and its number in that layer. Its struct source has the names
 * under which the second pass will write it. So a file that a later layer replaces is never
 * written, and a hard link whose first name was removed still has its data.
 *
 * Extended attributes of user., trusted. and security. are kept (capabilities are
 * security.capability). Access control lists are dropped.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/nestctl/image/ext4_image.h"
#include "tools/nestctl/image/layers.h"
#include "tools/nestctl/core/nestctl.h"

#define ENTRIES_MAX (1U << 24) /* in all layers */
#define FILE_MAX (1ULL << 43)
/* memory for names is limited to this fraction of the bytes that may be unpacked */
#define NAMES_PART 4
#define WHITEOUT ".wh."
#define OPAQUE ".wh..wh..opq"

/* An entry of an archive. @size: bytes of a regular file. */
struct layer_entry {
	struct source *source; /* NULL: a hard link or a whiteout */
	uint64_t size;
};

/* A layer with its @nr entries, in the order of the archive. */
struct one_layer {
	const struct blob *blob;
	struct layer_entry *entries;
	size_t nr, room;
};

struct layers {
	struct tree *tree;
	unsigned int nr, nr_entries;
	struct one_layer layers[LAYERS_MAX];
};

struct layers *layers_new(void)
{
	struct layers *l = xalloc(sizeof(*l));

	l->tree = tree_new(blob_most() / NAMES_PART);
	return l;
}

struct tree *layers_tree(struct layers *l)
{
	return l->tree;
}

/* ---- the first pass ---- */

/* Returns a new entry, valid until the next one is made. */
static struct layer_entry *new_entry(struct layers *l, struct one_layer *o)
{
	if (l->nr_entries++ == ENTRIES_MAX)
		die("%s: more than %u entries", o->blob->name, ENTRIES_MAX);
	if (o->nr == o->room) {
		o->room = o->room ? 2 * o->room : 1024;
		o->entries = realloc(o->entries, o->room * sizeof(*o->entries));
		if (!o->entries)
			die("out of memory");
	}
	o->entries[o->nr] = (struct layer_entry){ 0 };
	return &o->entries[o->nr++];
}

/* Dies if the entry has a size, an owner or a type that is not allowed. */
static void check_numbers(const char *path, struct archive_entry *e)
{
	mode_t type = archive_entry_filetype(e);
	int64_t size = archive_entry_size(e), uid = archive_entry_uid(e),
		gid = archive_entry_gid(e);

	if (size < 0 || (uint64_t)size > FILE_MAX)
		die("%s: a size of %lld", path, (long long)size);
	if (uid < 0 || uid >= UINT32_MAX || gid < 0 || gid >= UINT32_MAX)
		die("%s: an owner that is not a user number", path);
	switch (type) {
	case S_IFLNK:
		if (!archive_entry_symlink(e) || !*archive_entry_symlink(e) ||
			strlen(archive_entry_symlink(e)) > 4095)
			die("%s: a symbolic link to nothing", path);
		break;
	case S_IFCHR:
	case S_IFBLK:
		if ((uint64_t)archive_entry_rdevmajor(e) > 0xfff ||
			(uint64_t)archive_entry_rdevminor(e) > 0xfffff)
			die("%s: a device whose numbers do not exist", path);
		break;
	case S_IFREG:
	case S_IFDIR:
	case S_IFIFO:
	case S_IFSOCK: break;
	default: die("%s: an entry of an unknown kind", path);
	}
}

/*
 * Carries out @path as a whiteout. Returns false if it is no whiteout. Ignores other names of aufs
 * (.wh..wh.*).
 */
static bool whiteout(struct layers *l, const char *path, unsigned int layer)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	int dir = (int)(name - path);

	if (strncmp(name, WHITEOUT, strlen(WHITEOUT)))
		return false;
	if (!name[strlen(WHITEOUT)] || !strcmp(name + strlen(WHITEOUT), ".") ||
		!strcmp(name + strlen(WHITEOUT), ".."))
		die("%s: a whiteout of nothing", path);
	if (!strcmp(name, OPAQUE))
		tree_empty(l->tree, format("%.*s", dir, path), layer);
	else if (strncmp(name, WHITEOUT WHITEOUT, strlen(WHITEOUT WHITEOUT)))
		tree_remove(l->tree, format("%.*s%s", dir, path, name + strlen(WHITEOUT)), layer);
	return true;
}

static const char *path_of(const struct blob *b, struct archive_entry *e)
{
	const char *path = archive_entry_pathname(e);

	if (!path)
		die("%s: a name that cannot be read", b->name);
	return path;
}

/* First pass: adds an entry of the archive to the tree. */
static void note(struct layers *l, unsigned int layer, struct archive_entry *e, bool whiteouts)
{
	struct one_layer *o = &l->layers[layer];
	struct layer_entry *entry = new_entry(l, o);
	const char *path = path_of(o->blob, e), *old = archive_entry_hardlink(e);

	if (whiteouts && whiteout(l, path, layer))
		return;
	if (old) {
		tree_link(l->tree, path, layer, old);
		return;
	}
	check_numbers(path, e);
	entry->source = xalloc(sizeof(*entry->source));
	entry->size = archive_entry_filetype(e) == S_IFREG ? (uint64_t)archive_entry_size(e) : 0;
	tree_add(l->tree, path, layer, archive_entry_filetype(e), archive_entry_symlink(e),
		entry->source);
}

void layers_add(struct layers *l, const struct blob *b, bool whiteouts)
{
	struct blob_reader *r = blob_open(b);

	if (l->nr == LAYERS_MAX)
		die("%s: more than %d layers", b->name, LAYERS_MAX);
	l->layers[l->nr++].blob = b;
	for (struct archive_entry *e; (e = blob_next(r));)
		note(l, l->nr - 1, e, whiteouts);
	blob_close(r);
}

void layers_finish(struct layers *l, uint64_t *files, uint64_t *bytes)
{
	*files = *bytes = 0;
	tree_finish(l->tree);
	for (unsigned int i = 0; i < l->nr; i++)
		for (size_t j = 0; j < l->layers[i].nr; j++) {
			struct layer_entry *e = &l->layers[i].entries[j];

			if (!e->source || !e->source->names)
				continue;
			/* no overflow: the sum is at most blob_most(), each size FILE_MAX */
			++*files;
			*bytes += (e->size + 4095) & ~4095ULL;
			if (*bytes > blob_most())
				die("%s: its files have more than %llu MiB, far more than its size "
				    "lets expect; if that is right, --size SIZE allows four times "
				    "that",
					l->layers[i].blob->name,
					(unsigned long long)blob_most() >> 20);
		}
}

/* ---- the second pass ---- */

/* Writes the data of the present entry, a file of @size bytes. */
static void copy_data(struct blob_reader *r, const char *path, uint64_t size, struct ext4_image *im)
{
	struct archive *a = blob_archive(r);
	const void *data;
	size_t n;
	la_int64_t off;
	int err;

	while ((err = archive_read_data_block(a, &data, &n, &off)) == ARCHIVE_OK) {
		if (off < 0 || (uint64_t)off > size || n > size - (uint64_t)off)
			die("%s: data past its end", path);
		ext4_image_write(im, data, n, (uint64_t)off);
	}
	if (err != ARCHIVE_EOF)
		die("%s: %s", path, archive_why(a));
}

static void copy_xattrs(struct archive_entry *e, struct ext4_image *im)
{
	const char *name;
	const void *value;
	size_t size;

	archive_entry_xattr_reset(e);
	while (archive_entry_xattr_next(e, &name, &value, &size) == ARCHIVE_OK)
		if (!strncmp(name, "user.", 5) || !strncmp(name, "trusted.", 8) ||
			!strncmp(name, "security.", 9))
			ext4_image_xattr(im, name, value, size);
}

/* Second pass: adds an entry under all names that remain for it. */
static void write_entry(struct blob_reader *r, struct archive_entry *from,
	const struct layer_entry *known, struct ext4_image *im)
{
	const struct node *n = known->source->names;
	char *path = node_path(n);
	struct entry e = {
		.path = path,
		.mode = archive_entry_mode(from),
		.uid = (uid_t)archive_entry_uid(from),
		.gid = (gid_t)archive_entry_gid(from),
		.mtime = archive_entry_mtime(from),
		.size = known->size,
		.symlink = archive_entry_symlink(from),
		.major = archive_entry_rdevmajor(from),
		.minor = archive_entry_rdevminor(from),
	};
	long nsec = archive_entry_mtime_nsec(from);

	e.mtime_nsec = nsec > 0 && nsec < 1000000000 ? (uint32_t)nsec : 0;
	ext4_image_add(im, &e);
	if (S_ISREG(e.mode))
		copy_data(r, path, e.size, im);
	copy_xattrs(from, im);
	while ((n = node_next_name(n))) {
		struct entry link = { .path = node_path(n), .hardlink = path };

		ext4_image_add(im, &link);
		free((char *)link.path);
	}
	free(path);
}

static void write_layer(struct one_layer *o, struct ext4_image *im)
{
	struct blob_reader *r = blob_open(o->blob);
	size_t i = 0;

	for (struct archive_entry *e; (e = blob_next(r)); i++) {
		if (i == o->nr)
			die("%s: it changed while it was read", o->blob->name);
		if (!o->entries[i].source || !o->entries[i].source->names)
			continue;
		check_numbers(path_of(o->blob, e), e);
		if (archive_entry_hardlink(e) ||
			(archive_entry_filetype(e) == S_IFREG &&
				(uint64_t)archive_entry_size(e) != o->entries[i].size))
			die("%s: it changed while it was read", o->blob->name);
		write_entry(r, e, &o->entries[i], im);
	}
	blob_close(r);
}

void layers_write(struct layers *l, struct ext4_image *im)
{
	for (unsigned int i = 0; i < l->nr; i++)
		write_layer(&l->layers[i], im);
}
