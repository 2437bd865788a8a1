/* SPDX-License-Identifier: MIT */
/*
 * import.c: `nestctl image import`, `import` and `load`: makes images from archives of other tools.
 *
 * The file's content decides, not its name. A folder is an OCI layout. A tar with oci-layout and
 * index.json, or with manifest.json, and without a system's folders is an image of layers. Any
 * other tar is a root tarball. layers.c merges the layers and ext4_image.c writes the image,
 * without root's rights and without a folder in between. The new image has no name until it is
 * complete (output.c), so an interrupted import leaves nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/nestctl/build/config.h"
#include "tools/nestctl/image/archive.h"
#include "tools/nestctl/image/bundle.h"
#include "tools/nestctl/core/colour.h"
#include "tools/nestctl/core/command.h"
#include "tools/nestctl/image/ext4_image.h"
#include "tools/nestctl/image/image.h"
#include "tools/nestctl/image/layers.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/output.h"
#include "tools/nestctl/core/progress.h"
#include "tools/nestctl/core/word_list.h"

/*
 * limit for the files of all images of an archive: LOAD_LEAST bytes, and LOAD_RATIO times the sizes
 * of their layers
 */
#define LOAD_LEAST (1ULL << 30)
#define LOAD_RATIO 32

/* ---- the input ---- */

/* Copies standard input to a temporary file, which stays open. */
static struct blob take_input(const char *command)
{
	struct blob b = { .name = "standard input",
		.fd = temporary_file("what comes from standard input") };
	static char buffer[256 * 1024];
	ssize_t n;

	if (isatty(0))
		die("%s: standard input is a terminal", command);
	while ((n = read(0, buffer, sizeof(buffer))) > 0) {
		write_all(b.fd, buffer, (size_t)n, "a temporary file in $TMPDIR or /var/tmp");
		b.size += (uint64_t)n;
	}
	if (n < 0)
		die("standard input: %s", strerror(errno));
	return b;
}

/* Opens a regular file. Anything else, such as a pipe or a shell's <(...), is copied first. */
static struct blob take_file(const char *file, const char *command)
{
	struct blob b = { .name = file, .fd = open(file, O_RDONLY | O_CLOEXEC) };
	struct stat st;

	if (b.fd < 0 || fstat(b.fd, &st))
		die("%s: %s", file, strerror(errno));
	if (S_ISREG(st.st_mode)) {
		b.size = (uint64_t)st.st_size;
		return b;
	}
	if (dup2(b.fd, 0) < 0)
		die("%s: %s", file, strerror(errno));
	close(b.fd);
	b = take_input(command);
	b.name = file;
	return b;
}

static bool is_folder(const char *file)
{
	struct stat st;

	return !stat(file, &st) && S_ISDIR(st.st_mode);
}

/* True if the archive is an image of layers, not a file system. */
static bool holds_layers(struct layers *l)
{
	struct tree *t = layers_tree(l);

	if (tree_has(t, "etc") || tree_has(t, "usr") || tree_has(t, "bin"))
		return false;
	return (tree_has_file(t, "oci-layout") && tree_has_file(t, "index.json")) ||
	       tree_has_file(t, "manifest.json");
}

/* An archive or a folder to import. */
struct input {
	/* its name for messages */
	const char *what;
	/* bytes of the archive, or 0 for a folder */
	uint64_t packed;
	/* the image of layers in it, or NULL: a root tarball, whose one layer is @root */
	struct bundle *bundle;
	struct layers *root;
};

/* Returns the sum of the sizes of an image's layers in their archive. */
static uint64_t packed_size(const struct container *c)
{
	uint64_t total = 0;

	for (size_t i = 0; i < c->nr; i++)
		total += c->layers[i].size;
	return total;
}

/* Returns the layers of an image. @size: see blob_bound(). */
static struct layers *layers_of(const struct input *in, uint64_t size, const struct container *c)
{
	const uint64_t total = packed_size(c);
	struct layers *l;

	blob_bound(in->what, in->packed ? in->packed : total, size);
	l = layers_new();
	blob_progress(2 * total);
	for (size_t i = 0; i < c->nr; i++)
		layers_add(l, &c->layers[i], true);
	return l;
}

/* Reads the archive or folder @file ("-": standard input) once. @size: see blob_bound(). */
static struct input open_input(const char *file, uint64_t size, const char *command)
{
	/* static, since the layers keep pointers to it */
	static struct blob blob;
	struct input in = { .what = file };

	if (is_folder(file)) {
		in.bundle = bundle_open_dir(file);
		return in;
	}
	blob = strcmp(file, "-") ? take_file(file, command) : take_input(command);
	in.packed = blob.size;
	blob_bound(blob.name, blob.size, size);
	blob_progress(2 * blob.size);
	in.root = layers_new();
	layers_add(in.root, &blob, false);
	if (!holds_layers(in.root))
		return in;
	blob_progress(0);
	blob_again();
	in.bundle = bundle_open_tar(&blob);
	return in;
}

/*
 * Reads the archive or folder @file, which has one image, and returns its layers. *c: its settings,
 * empty for a plain tar.
 */
static struct layers *read_all(
	const char *file, uint64_t size, struct container *c, const char *command)
{
	const struct input in = open_input(file, size, command);

	*c = (struct container){ 0 };
	if (!in.bundle)
		return in.root;
	*c = container_read(in.bundle, in.what);
	return layers_of(&in, size, c);
}

/* ---- the result ---- */

/*
 * Returns the size of an image: its content, a quarter more for tables and growth, inodes (mke2fs
 * makes one for each 16 KiB), and 256 MiB of free space. The file is sparse.
 */
static uint64_t size_for(uint64_t files, uint64_t bytes)
{
	uint64_t size = bytes + bytes / 4 + (files + files / 8) * 16384 + (256 << 20);

	return (size + (1 << 20) - 1) & ~((1ULL << 20) - 1);
}

/*
 * Writes the layers as the new image @path, with the settings. @size: bytes, or 0. Dies if its
 * files have more than @most bytes, else returns their bytes.
 */
static uint64_t write_image(struct layers *l, const char *path, uint64_t size, struct container *c,
	uint64_t most, bool quiet)
{
	uint64_t files, bytes;
	const char *self, *config = image_config_path(path);
	struct ext4_image *im;
	int fd;

	blob_again();
	layers_finish(l, &files, &bytes);
	if (!files)
		die("%s: nothing is in it", path);
	if (bytes > most)
		die("%s: with those before it the archive's images are far larger than its size "
		    "lets expect",
			path);
	fd = output_open(path);
	self = format(
		/* the name by which mke2fs and e2fsck open the file */
		"/proc/%d/fd/%d", (int)getpid(), fd);
	im = ext4_image_create(self, path, size ? size : size_for(files, bytes));
	layers_write(l, im);
	ext4_image_close(im);
	ext4_image_check(self, path);
	progress_end();
	image_config_must_be_ours(path);
	output_companion(fd, config);
	image_config_write(path, c->config, c->config_size);
	output_finish(fd, path, false);
	if (!quiet)
		fprintf(stderr, "made %s: %llu files, %s\n", path, (unsigned long long)files,
			size_text((double)bytes));
	return bytes;
}

/* Returns an image's name for a file: debian-12 for "x/debian-12.tar.xz". */
static const char *name_for(const char *file)
{
	static const char *const ends[] = { ".gz", ".xz", ".zst", ".bz2", ".tar", ".tgz", ".txz",
		".oci" };
	char *name = format("%s", file), *slash;

	while ((slash = strrchr(name, '/')) && !slash[1])
		*slash = '\0';
	name = slash ? slash + 1 : name;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		size_t len = strlen(name), n = strlen(ends[i]);

		if (len > n && !strcmp(name + len - n, ends[i]))
			name[len - n] = '\0';
	}
	return name;
}

/* Applies --change and --message to the settings. */
static void change(struct container *c, char **changes, const char *message)
{
	const struct image_config old = { .text = c->config, .size = c->config_size };
	struct config config = config_of(&old);

	for (; changes && *changes; changes++)
		config_change(&config, *changes, "import");
	config.comment = message ? format("%s", message) : config.comment;
	c->config = config_text(&config, &c->config_size);
}

/* Runs `image import` and `import`. Returns the image's name. */
static const char *import(const struct command *cmd, int argc, char **argv, bool quiet)
{
	const char *size = NULL, *message = NULL, *name, *path;
	char **words, **changes = NULL;
	struct layers *l;
	struct container c;
	uint64_t bytes = 0;

	for (int key; (key = next_option(cmd, argc, argv));)
		switch (key) {
		case 'c': changes = words_add(changes, optarg); break;
		case 'm': message = optarg; break;
		default: size = optarg;
		}
	words = take_words(cmd, argc, argv, 1, 2);
	if (size && (bytes = parse_size(size, "--size")) < 16 << 20)
		die("--size: an image needs at least 16M");
	if (bytes > 1ULL << 44)
		die("--size: an image of more than 16T cannot be");
	if (!words[1] && !strcmp(words[0], "-"))
		die("%s: an archive from standard input needs a NAME", cmd->name);
	if (strstr(words[0], "://"))
		die("%s: %s: nothing is fetched: curl -L URL | nestctl import - NAME", cmd->name,
			words[0]);
	name = words[1] ? words[1] : name_for(words[0]);
	path = image_reserve(name);
	l = read_all(words[0], bytes, &c, cmd->name);
	if (changes || message)
		change(&c, changes, message);
	write_image(l, path, bytes, &c, UINT64_MAX, quiet);
	return name;
}

int image_import(int argc, char **argv)
{
	import(&cmd_image_import, argc, argv, false);
	return 0;
}

int import_image(int argc, char **argv)
{
	puts(import(&cmd_import, argc, argv, true));
	return 0;
}

/* ---- load ---- */

/* An image to load: its names in the store, ending in NULL, and their paths. */
struct loaded {
	char **names;
	const char **paths;
	/* the store has it: its only name is its digest */
	bool there;
};

/* Returns the name in the store for an image that its archive calls @name. @alone: the only one. */
static const char *name_in_store(const char *name, const char *what, bool alone)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	const char *slash = strrchr(name, '/');

	name = image_name_of(slash ? slash + 1 : name);
	if (!*name || !strchr(letters, *name) || name[strspn(name, format("%s._:-", letters))])
		die("%s: %s name is none for an image here%s", what, alone ? "its" : "an image's",
			alone ? format("; nestctl import %s NAME gives it one", what) : "");
	return name;
}

static bool has_word(char **words, const char *word)
{
	for (; words && *words; words++)
		if (!strcmp(*words, word))
			return true;
	return false;
}

/*
 * Finds the names for the image @c, and reserves them. One without a name is called by its digest.
 * @others: the @nr images of the archive before this one. @alone: the archive has no other.
 */
static struct loaded reserve(const struct container *c, const char *what,
	const struct loaded *others, size_t nr, bool alone)
{
	struct loaded l = { .names = NULL };
	size_t n = 0;

	for (char **name = c->names; name && *name; name++) {
		const char *own = name_in_store(*name, what, alone);

		if (has_word(l.names, own))
			continue;
		for (size_t i = 0; i < nr; i++)
			if (has_word(others[i].names, own))
				die("%s: two of its images would be called %s here", what, own);
		l.names = words_add(l.names, format("%s", own));
	}
	if (!l.names) {
		l.names = words_add(NULL, format("sha256:%s", c->id));
		l.there = !access(image_path(l.names[0]), F_OK);
	}
	if (l.there)
		return l;
	l.paths = xalloc(words_count(l.names) * sizeof(*l.paths));
	for (; l.names[n]; n++)
		l.paths[n] = image_reserve(l.names[n]);
	return l;
}

/*
 * Makes an image of at most @most bytes with all its names, unless it is there, and prints them.
 * Returns its bytes.
 */
static uint64_t load_one(
	const struct input *in, struct container *c, const struct loaded *l, uint64_t most)
{
	const uint64_t bytes =
		l->there ? 0 : write_image(layers_of(in, 0, c), l->paths[0], 0, c, most, true);

	for (size_t i = 1; l->names[i]; i++)
		image_link(l->paths[0], l->paths[i]);
	for (size_t i = 0; l->names[i]; i++)
		printf("Loaded image: %s\n", l->names[i]);
	fflush(stdout);
	return bytes;
}

/*
 * Makes all images of an archive. Before the first of them all names are reserved. Many images that
 * share a small layer must not fill the disk, so there is a limit for all of them together.
 */
static void load_all(const struct input *in)
{
	uint64_t most = LOAD_LEAST;
	size_t nr;
	struct container *all = containers_read(in->bundle, in->what, &nr);
	struct loaded *loaded = xalloc(nr * sizeof(*loaded));

	for (size_t i = 0; i < nr; i++) {
		const uint64_t packed = packed_size(&all[i]);

		loaded[i] = reserve(&all[i], in->what, loaded, i, nr == 1);
		most = packed > (UINT64_MAX - most) / LOAD_RATIO ? UINT64_MAX :
								   most + LOAD_RATIO * packed;
	}
	for (size_t i = 0; i < nr; i++)
		most -= load_one(in, &all[i], &loaded[i], nr > 1 ? most : UINT64_MAX);
}

static int load(const struct command *cmd, int argc, char **argv)
{
	const char *file = "-";
	struct input in;
	bool quiet = false;

	for (int key; (key = next_option(cmd, argc, argv));)
		if (key == 'i')
			file = optarg;
		else
			quiet = true;
	take_words(cmd, argc, argv, 0, 0);
	if (quiet)
		progress_off();
	in = open_input(file, 0, cmd->name);
	if (!in.bundle)
		die("%s: a root tarball, which nestctl import makes an image of", file);
	load_all(&in);
	return 0;
}

int image_load(int argc, char **argv)
{
	return load(&cmd_image_load, argc, argv);
}

int load_image(int argc, char **argv)
{
	return load(&cmd_load, argc, argv);
}
