/* SPDX-License-Identifier: MIT */
/*
 * cow.c: `nestctl cow`: the command line, and create, info and check. Files are opened by the code
 * of the kernel's process (drivers/ubd/image_host.h), with its locks: a file to which an instance
 * is writing is refused.
 *
 * Exit status: 0 on success, 1 after an error message, 2 if `check` has found damage.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/ubd/chain_host.h"
#include "drivers/ubd/cow4_host.h"
#include "drivers/ubd/cow_host.h"
#include "drivers/ubd/trust_host.h"
#include "tools/nestctl/core/colour.h"
#include "tools/nestctl/core/command.h"
#include "tools/nestctl/cow/cow.h"
#include "tools/nestctl/core/json.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/output.h"

struct image *image_must_open(const char *file, const char *backing, uint32_t flags)
{
	struct image_open o = { .file = file, .backing = backing, .flags = flags };

	if (image_open(&o))
		die("%s", o.err);
	if (o.rdonly && !(flags & IMAGE_RDONLY))
		die("%s: no permission to write", file);
	return o.image;
}

void layer_remember(const char *file, const char *backing)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return;
	backing_remember(fd, backing);
	close(fd);
}

bool image_is_raw(const char *file)
{
	/* no trust in the backing file is needed to read the format */
	struct image *im = image_must_open(file, NULL, IMAGE_RDONLY | IMAGE_TRUST);
	bool raw = im->top->ops == &layer_raw_ops;

	image_close(im);
	return raw;
}

const char **image_backings(const char *file)
{
	struct image *im = image_must_open(file, NULL, IMAGE_RDONLY | IMAGE_TRUST);
	const char **paths = xalloc((IMAGE_DEPTH + 1) * sizeof(*paths));
	size_t n = 0;

	for (const struct layer *l = im->top->below; l; l = l->below)
		paths[n++] = format("%s", l->path);
	image_close(im);
	return paths;
}

void image_must_read(struct image *im, uint64_t off, void *p, uint64_t n)
{
	uint64_t have = off < image_size(im) ? image_size(im) - off : 0;
	struct iovec iov = { p, n < have ? n : have };
	int err = iov.iov_len ? image_readv(im, off, &iov, 1, false) : 0;

	if (err)
		die("%s: cannot read at %llu: %s", im->top->path, (unsigned long long)off,
			strerror(-err));
	if (n > have)
		memset((char *)p + have, 0, n - have);
}

/* Returns the format that @name means, a value of @option. */
static enum format format_of(const char *name, const char *option)
{
	if (!strcmp(name, "raw"))
		return FORMAT_RAW;
	if (!strcmp(name, "v3") || !strcmp(name, "v4"))
		return name[1] == '3' ? FORMAT_V3 : FORMAT_V4;
	die("%s: '%s' is not v3, v4 or raw", option, name);
}

/* ---- options: all commands share one parser, each allows its own ---- */

/* The options of all commands, and the @count names after them. */
struct options {
	const char *backing, *size, *format, *to, *from;
	bool json, unsafe, yes;
	char **names;
	int count;
};

enum { KEY_SIZE = 256, KEY_FORMAT, KEY_TO, KEY_FROM };

static struct options parse(const struct command *c, int argc, char **argv, int min, int max)
{
	struct options o = { 0 };

	for (int key; (key = next_option(c, argc, argv));) {
		switch (key) {
		case 'b': o.backing = optarg; break;
		case KEY_SIZE: o.size = optarg; break;
		case KEY_FORMAT: o.format = optarg; break;
		case KEY_TO: o.to = optarg; break;
		case KEY_FROM: o.from = optarg; break;
		case 'y': o.yes = true; break;
		case KEY_JSON: o.json = true; break;
		default: o.unsafe = true; break;
		}
	}
	o.names = take_words(c, argc, argv, min, max);
	o.count = argc - optind;
	return o;
}

static const struct command cmd_cow_create, cmd_cow_info, cmd_check, cmd_cow_commit, cmd_rebase,
	cmd_convert, cmd_pack;

/* ---- create ---- */

static int create(int argc, char **argv)
{
	struct options o = parse(&cmd_cow_create, argc, argv, 1, 2);
	const char *file = o.names[0], *backing = o.count > 1 ? o.names[1] : o.backing;
	enum format format = o.format ? format_of(o.format, "--format") :
			     backing  ? FORMAT_V3 :
					FORMAT_V4;
	int fd;

	if (format == FORMAT_RAW)
		die("--format: a layer is v3 or v4");
	if (!backing && !o.size)
		die("create: --backing or --size is missing");
	if (!access(file, F_OK))
		die("%s: %s", file, strerror(EEXIST));
	fd = output_open(file);
	write_empty(fd, file, backing, format, o.size ? parse_size(o.size, "--size") : 0);
	output_finish(fd, file, false);
	if (backing)
		layer_remember(file, backing);
	return 0;
}

/* ---- info ---- */

/* Returns "raw", "v3", "v4" or another version. */
static const char *layer_format(const struct layer *l)
{
	return l->ops == &layer_raw_ops  ? "raw" :
	       l->ops == &layer_cow4_ops ? "v4" :
					   format("v%u", cow3_version(l));
}

/* Returns how many bytes of the disk's data are in the first file, not in files below it. */
static uint64_t held(struct image *im)
{
	uint64_t off = 0, len, n = 0;

	if (im->top->ops == &layer_raw_ops)
		return image_size(im);
	for (; next_piece(im, off, 1UL << 30, true, &off, &len); off += len)
		n += len;
	return n;
}

static void info_json(struct image *im, const struct cow4_usage *u)
{
	const struct layer *l = im->top;
	struct stat st;

	fstat(l->fd, &st);
	json_open(NULL, '{');
	json_text("file", l->path);
	json_text("format", layer_format(l));
	json_number("size", (int64_t)image_size(im));
	json_number("held", (int64_t)held(im));
	json_number("disk", st.st_blocks * 512);
	if (l->ops == &layer_cow4_ops) {
		json_number("packed_clusters", (int64_t)u->packed);
		json_number("packed_bytes", (int64_t)u->packed_bytes);
		json_bool("open", u->dirty);
	}
	json_open("backing", '[');
	for (l = l->below; l; l = l->below) {
		json_open(NULL, '{');
		json_text("file", l->path);
		json_text("format", layer_format(l));
		json_number("size", (int64_t)l->size);
		json_close('}');
	}
	json_close(']');
	json_close('}');
}

/* Prints text as one line, even if it contains newlines. */
static void put_line(const char *text)
{
	const char *end;

	for (; (end = strchr(text, '\n')); text = end + 1) {
		put_plain(stdout, format("%.*s", (int)(end - text), text));
		printf("\\x0a");
	}
	put_plain(stdout, text);
}

static void info_text(struct image *im, const struct cow4_usage *u)
{
	const struct layer *l;
	struct stat st;

	for (l = im->top->below; l; l = l->below) { /* each name comes from a file's header */
		printf("backing file ");
		put_line(l->path);
		putchar('\n');
	}
	printf("format       %s\nsize         %s\nchanged      %s\n", layer_format(im->top),
		size_text((double)image_size(im)), size_text((double)held(im)));
	if (!fstat(im->top->fd, &st))
		printf("on the disk  %s\n", size_text((double)st.st_blocks * 512));
	if (u->packed)
		printf("compressed   %llu clusters in %s\n", (unsigned long long)u->packed,
			size_text((double)u->packed_bytes));
	if (u->dirty)
		puts("it was not closed; the next instance looks at its tables");
}

static int info(int argc, char **argv)
{
	struct options o = parse(&cmd_cow_info, argc, argv, 1, 1);
	struct image *im = image_must_open(
		o.names[0], NULL, IMAGE_RDONLY | IMAGE_SHARED | IMAGE_ANY | IMAGE_TRUST);
	struct cow4_usage u = { 0 };
	int err = im->top->ops == &layer_cow4_ops ? cow4_usage(im->top, &u) : 0;

	if (err)
		die("%s: %s; `nestctl cow check` says more", o.names[0], strerror(-err));
	if (o.json)
		info_json(im, &u);
	else
		info_text(im, &u);
	image_close(im);
	return 0;
}

/* ---- check ---- */

struct findings {
	const char *file;
	bool json;
	int count;
};

/* Prints and counts a finding of check_layer(). */
static void found(void *arg, const char *what)
{
	struct findings *f = arg;

	if (f->json) {
		json_text(NULL, what);
	} else {
		put_line(f->file);
		printf(": ");
		put_line(what);
		putchar('\n');
	}
	f->count++;
}

/*
 * Checks a layer: tables and packed clusters of version 4, or that the data of UML's versions is
 * not truncated. Returns a negative errno on an error.
 */
static int check_layer(struct layer *l, struct findings *f)
{
	int n = 0;

	if (l->ops == &layer_cow4_ops)
		n = cow4_check(l, found, f);
	else if (l->ops == &layer_cow3_ops)
		n = cow3_check_all(l, found, f);
	return n;
}

static int check(int argc, char **argv)
{
	struct options o = parse(&cmd_check, argc, argv, 1, 1);
	struct findings f = { o.names[0], o.json, 0 };
	struct image_open io = { .file = o.names[0], .flags = IMAGE_RDONLY | IMAGE_TRUST };
	struct layer *l;
	int err = 0;

	if (o.json) {
		json_open(NULL, '{');
		json_open("damage", '[');
	}
	if (image_open(&io)) {
		if (!io.damaged)
			die("%s", io.err);
		found(&f, io.err);
	}
	for (l = io.image ? io.image->top : NULL; l && err >= 0; l = l->below) {
		f.file = l->path;
		err = check_layer(l, &f);
	}
	if (err < 0)
		die("%s: %s", f.file, strerror(-err));
	if (o.json) {
		json_close(']');
		json_bool("whole", !f.count);
		json_close('}');
	} else if (!f.count) {
		printf("%s: no damage\n", o.names[0]);
	}
	image_close(io.image);
	return f.count ? 2 : 0;
}

/* ---- convert, pack ---- */

/* Converts @in into the new file @out. Returns the exit status. */
static int convert_or_pack(
	const char *in, const char *backing, const char *out, enum format to, bool flat)
{
	struct image *im;

	if (!access(out, F_OK))
		die("%s: %s", out, strerror(EEXIST));
	im = image_must_open(in, backing, IMAGE_RDONLY);
	convert(im, to, flat, out);
	image_close(im);
	return 0;
}

static int do_convert(int argc, char **argv)
{
	struct options o = parse(&cmd_convert, argc, argv, 2, 2);

	if (!o.to)
		die("convert: --to v3, v4 or raw is missing");
	return convert_or_pack(o.names[0], o.backing, o.names[1], format_of(o.to, "--to"), false);
}

static int pack(int argc, char **argv)
{
	struct options o = parse(&cmd_pack, argc, argv, 2, 2);

	return convert_or_pack(o.names[0], o.backing, o.names[1], FORMAT_V4, true);
}

static int commit(int argc, char **argv)
{
	struct options o = parse(&cmd_cow_commit, argc, argv, 1, 1);

	if (o.to)
		return convert_or_pack(o.names[0], o.backing, o.to, FORMAT_RAW, true);
	return cow_commit(o.names[0], o.backing, o.yes);
}

static int rebase(int argc, char **argv)
{
	struct options o = parse(&cmd_rebase, argc, argv, 1, 1);

	if (!o.backing)
		die("rebase: --backing is missing");
	return cow_rebase(o.names[0], o.from, o.backing, o.unsafe);
}

/* ---- the table ---- */

static const struct option_row create_options[] = {
	{ 'b', "backing", "FILE", "the backing file; --backing or --size is required" },
	{ KEY_SIZE, "size", "SIZE",
		"the size of the disk: the backing file's, or more with v4; without --backing "
		"a disk without backing file, version 4" },
	{ KEY_FORMAT, "format", "v3|v4", "the version (v3 over a backing file)" },
	{ 0 },
};
static const struct option_row json_options[] = { OPTION_JSON, { 0 } };
#define OPTION_BACKING                                                                             \
	{                                                                                          \
		'b', "backing", "FILE",                                                            \
			"the layer's backing file, where its header names another"                 \
			" or one that does not count"                                              \
	}
static const struct option_row commit_options[] = {
	OPTION_BACKING,
	{ 'y', "yes", NULL, "write to the backing file without a question" },
	{ KEY_TO, "to", "NEW", "write the whole disk into this new raw image instead" },
	{ 0 },
};
static const struct option_row pack_options[] = { OPTION_BACKING, { 0 } };
static const struct option_row rebase_options[] = {
	{ KEY_FROM, "from", "FILE",
		"the present backing file, where the header names another or one that does not "
		"count" },
	{ 'b', "backing", "FILE", "the new backing file" },
	{ 'u', NULL, NULL,
		"compare and copy nothing: for a backing file that was moved or touched, but "
		"whose contents are unchanged" },
	{ 0 },
};
static const struct option_row convert_options[] = {
	OPTION_BACKING,
	{ KEY_TO, "to", "v3|v4|raw", "v3 and v4 keep the backing file, raw is the whole disk" },
	{ 0 },
};

static const struct command cmd_cow_create = {
	.name = "cow create",
	.args = "FILE [FILE]",
	.help = "Makes an empty layer over a backing file.",
	.options = create_options,
	.run = create,
};
static const struct command cmd_cow_info = {
	.name = "cow info",
	.args = "FILE",
	.help = "Shows a file's format, its size, the data that it holds, and its backing "
		"files.",
	.options = json_options,
	.run = info,
};
static const struct command cmd_check = {
	.name = "cow check",
	.args = "FILE",
	.help = "Checks all headers, tables and compressed clusters of a file and of its "
		"backing files.",
	.exits = "2 when a file is damaged",
	.options = json_options,
	.run = check,
};
static const struct command cmd_cow_commit = {
	.name = "cow commit",
	.args = "FILE",
	.help = "Writes a layer into its backing file and empties the layer. A command that "
		"was killed can be repeated, and continues.",
	.text = "It names the file that it would write to and asks. Without a terminal it needs "
		"--yes.",
	.options = commit_options,
	.run = commit,
};
static const struct command cmd_rebase = {
	.name = "cow rebase",
	.args = "FILE",
	.help = "Puts a layer on another backing file. What differs between the two files is "
		"first copied into the layer, so that the disk is unchanged.",
	.options = rebase_options,
	.run = rebase,
};
static const struct command cmd_convert = {
	.name = "cow convert",
	.args = "FILE OUT",
	.help = "Converts a disk to another format.",
	.options = convert_options,
	.run = do_convert,
};
static const struct command cmd_pack = {
	.name = "cow pack",
	.args = "FILE OUT",
	.help = "Packs the whole disk, with all its backing files, into one compressed file to "
		"send away; an instance can run on it.",
	.options = pack_options,
	.run = pack,
};
static const struct command *const cow_commands[] = { &cmd_cow_create, &cmd_cow_info, &cmd_check,
	&cmd_cow_commit, &cmd_rebase, &cmd_convert, &cmd_pack, NULL };

const struct command cmd_cow = {
	.name = "cow",
	.help = "Copy-on-write layers.",
	.text = "User Mode Linux's versions 1 to 3 (uml_mkcow(1) and uml_moo(1) read and write "
		"version 3), and version 4, which survives a power cut and can be compressed. A "
		"file that an instance writes to is refused, and the message names the holder if "
		"possible. The backing file that a layer's header names counts if it lies in the "
		"layer's folder (and its name does not begin with a dot) or in the store of "
		"images, or if the user has made this layer over it or named it with the layer "
		"once. Any other one has to be named: a layer from elsewhere could name a private "
		"file of yours. New files appear under their names complete or not at all; none is "
		"overwritten.",
	.sub = cow_commands,
};
