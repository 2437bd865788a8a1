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

/*
 * Reads the image's parts and returns its layers. @packed: bytes of the archive, for the limit of
 * unpacked bytes; 0: the sum of its layers. @size: see blob_bound().
 */
static struct layers *read_container(
	struct bundle *b, const char *what, uint64_t packed, uint64_t size, struct container *c)
{
	struct layers *l;
	uint64_t total = 0;

	*c = container_read(b, what);
	for (size_t i = 0; i < c->nr; i++)
		total += c->layers[i].size;
	blob_bound(what, packed ? packed : total, size);
	l = layers_new();
	blob_progress(2 * total);
	for (size_t i = 0; i < c->nr; i++)
		layers_add(l, &c->layers[i], true);
	return l;
}

/*
 * Reads the archive or folder @file ("-": standard input) once, and returns its layers. *c: its
 * settings, empty for a plain tar.
 */
static struct layers *read_all(
	const char *file, uint64_t size, struct container *c, const char *command)
{
	/* static, since the layers keep pointers to it */
	static struct blob blob;
	struct layers *l;

	*c = (struct container){ 0 };
	if (is_folder(file))
		return read_container(bundle_open_dir(file), file, 0, size, c);
	blob = strcmp(file, "-") ? take_file(file, command) : take_input(command);
	blob_bound(blob.name, blob.size, size);
	blob_progress(2 * blob.size);
	l = layers_new();
	layers_add(l, &blob, false);
	if (!holds_layers(l))
		return l;
	blob_progress(0);
	blob_again();
	return read_container(bundle_open_tar(&blob), blob.name, blob.size, size, c);
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

/* Writes the layers as the new image @path, with the settings. @size: bytes, or 0. */
static void write_image(
	struct layers *l, const char *path, uint64_t size, struct container *c, bool quiet)
{
	uint64_t files, bytes;
	const char *self, *config = image_config_path(path);
	struct ext4_image *im;
	int fd;

	blob_again();
	layers_finish(l, &files, &bytes);
	if (!files)
		die("%s: nothing is in it", path);
	fd = output_open(path);
	self = format(
		/* the name by which mke2fs and e2fsck open the file */
		"/proc/%d/fd/%d", (int)getpid(), fd);
	im = ext4_image_create(self, path, size ? size : size_for(files, bytes));
	layers_write(l, im);
	ext4_image_close(im);
	ext4_image_check(self, path);
	progress_end();
	output_companion(fd, config);
	image_config_write(path, c->config, c->config_size);
	output_finish(fd, path, false);
	if (quiet)
		return;
	fprintf(stderr, "made %s: %llu files, %s\n", path, (unsigned long long)files,
		size_text((double)bytes));
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
	write_image(l, path, bytes, &c, quiet);
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

/* Returns the name in the store for an image that its archive calls @name. */
static const char *name_in_store(const char *name, const char *what)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	const char *slash;

	if (!name)
		die("%s: it has no name; nestctl import %s NAME gives it one", what, what);
	slash = strrchr(name, '/');
	name = image_name_of(slash ? slash + 1 : name);
	if (!*name || !strchr(letters, *name) || name[strspn(name, format("%s._:-", letters))])
		die("%s: its name is none for an image here; nestctl import %s NAME gives it one",
			what, what);
	return name;
}

static int load(const struct command *cmd, int argc, char **argv)
{
	const char *file = "-", *name, *path;
	struct layers *l;
	struct container c;
	bool quiet = false;

	for (int key; (key = next_option(cmd, argc, argv));)
		if (key == 'i')
			file = optarg;
		else
			quiet = true;
	take_words(cmd, argc, argv, 0, 0);
	if (quiet)
		progress_off();
	l = read_all(file, 0, &c, cmd->name);
	if (!c.layers)
		die("%s: a root tarball, which nestctl import makes an image of", file);
	name = name_in_store(c.name, file);
	path = image_reserve(name);
	write_image(l, path, 0, &c, true);
	printf("Loaded image: %s\n", name);
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
