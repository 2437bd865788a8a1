/* SPDX-License-Identifier: MIT */
/*
 * cow_merge.c: `nestctl cow commit` (a layer into its backing file) and `rebase` (a layer onto
 * another backing file).
 *
 * Commit works in place: it changes the backing file under the layer, which could then not be
 * opened any more, since the file's mtime differs. So a note FILE.committing is written first, with
 * device and inode of the backing file, and the inode of the layer, which is another file once it
 * is empty. A commit that finds the note continues an earlier one that was killed: the layer still
 * has all its data, which may be written twice. Once the backing file is on the disk, the layer is
 * replaced by an empty one and the note is removed. At any instant layer and backing file together
 * have the content of the disk.
 *
 * Rebase first copies into the layer the data that differs between the two backing files. Then it
 * writes the new one's name into the header. -u omits the copy.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/ubd/chain_host.h"
#include "drivers/ubd/cow4_host.h"
#include "tools/nestctl/core/colour.h"
#include "tools/nestctl/cow/cow.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/output.h"
#include "tools/nestctl/core/progress.h"

#define PIECE (1UL << 20)

/* Locks a file until the process ends. Its image must be opened without locks. */
static void lock_alone(const char *file)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open(file, O_RDWR | O_CLOEXEC);
	char who[100];

	if (fd < 0)
		die("%s: %s", file, strerror(errno));
	if (fcntl(fd, F_OFD_SETLK, &fl) && (errno == EAGAIN || errno == EACCES))
		die("%s: is in use by another instance%s", file, file_holder(fd, who, sizeof(who)));
}

static void must(int err, const char *file)
{
	if (err)
		die("%s: %s", file, strerror(-err));
}

/* ---- commit ---- */

/*
 * True if the note shows that a commit of this layer into its backing file was interrupted. Notes
 * of older versions lack the layer.
 */
static bool note_fits(const char *note, const struct layer *top)
{
	unsigned long long dev, ino, layer;
	FILE *f = fopen(note, "re");
	int n = f ? fscanf(f, "%llu %llu %llu", &dev, &ino, &layer) : 0;

	if (f)
		fclose(f);
	return n >= 2 && dev == top->below->dev && ino == top->below->ino &&
	       (n == 2 || layer == top->ino);
}

static void write_note(const char *note, const struct layer *top)
{
	const char *text = format("%llu %llu %llu\n", (unsigned long long)top->below->dev,
		(unsigned long long)top->below->ino, (unsigned long long)top->ino);
	int fd = output_open(note);

	write_all(fd, text, strlen(text), note);
	output_finish(fd, note, true);
}

/*
 * Opens the layer. Its backing file may have changed only if the note shows that a commit was
 * interrupted.
 */
static struct image *open_layer(const char *file, const char *backing, const char *note)
{
	struct image_open o = {
		.file = file, .backing = backing, .flags = IMAGE_RDONLY | IMAGE_SHARED
	};
	struct image *im;

	if (!image_open(&o))
		return o.image;
	im = image_must_open(file, backing, IMAGE_RDONLY | IMAGE_SHARED | IMAGE_ANY);
	if (!im->top->below || !note_fits(note, im->top))
		die("%s", o.err);
	return im;
}

static void copy_down(struct image *im, struct image *into)
{
	uint64_t off = 0, len;
	uint8_t *buf = xalloc(PIECE);

	for (; next_piece(im, off, PIECE, true, &off, &len); off += len) {
		struct iovec iov = { buf, len };

		image_must_read(im, off, buf, len);
		must(image_writev(into, off, &iov, 1), into->top->path);
		progress("commit to", into->top->path, off, image_size(im));
	}
	must(image_flush(into), into->top->path);
	progress_end();
	free(buf);
}

static void replace_by_empty(struct image *im, const char *file)
{
	int fd = output_open(file);

	output_replaces(fd, image_fd(im));
	write_empty(fd, file, im->top->below->path,
		im->top->ops == &layer_cow4_ops ? FORMAT_V4 : FORMAT_V3, image_size(im));
	output_finish(fd, file, true);
	layer_remember(file, im->top->below->path);
}

/* Asks the user before a commit. Dies unless the user agrees. */
static void ask(const char *file, const char *into)
{
	char answer[16] = "";

	if (!isatty(0) || !isatty(2))
		die("%s: commit writes to %s; --yes does so", file, into);
	put_plain(stderr,
		format("nestctl: this writes to %s and empties %s. Go on? [y/N] ", into, file));
	fflush(stderr);
	if (!fgets(answer, sizeof(answer), stdin) || (*answer != 'y' && *answer != 'Y'))
		die("nothing was written");
}

int cow_commit(const char *name, const char *backing, bool yes)
{
	/* resolve a symbolic link, so that its target is replaced and not the link */
	const char *file = realpath(name, NULL), *note;
	struct image *im, *into;

	if (!file)
		die("%s: %s", name, strerror(errno));
	note = format("%s.committing", file);
	lock_alone(file);
	im = open_layer(file, backing, note);
	if (!im->top->below)
		die("%s: has no backing file", file);
	if (image_size(im) != im->top->below->size)
		die("%s: the disk is larger than its backing file; --to makes a new image", file);
	if (!yes)
		ask(file, im->top->below->path);
	into = image_must_open(
		im->top->below->path, NULL, im->top->below->ops == &layer_raw_ops ? IMAGE_RAW : 0);
	write_note(note, im->top);
	copy_down(im, into);
	must(image_close(into), im->top->below->path);
	replace_by_empty(im, file);
	image_close(im);
	if (unlink(note))
		die("%s: %s", note, strerror(errno));
	return 0;
}

/* ---- rebase ---- */

/* Writes into the layer the data that differs in the new backing file, where the layer has none. */
static void copy_up(struct image *im, struct image *other)
{
	uint8_t *have = xalloc(PIECE), *want = xalloc(PIECE);
	struct image_piece p = { 0 };
	uint64_t off;

	for (off = 0; off < image_size(im); off += p.len) {
		uint64_t n = PIECE - off % PIECE;
		struct iovec iov = { want, 0 };

		if (n > image_size(im) - off)
			n = image_size(im) - off;
		must(image_where(im, off, n, false, &p), im->top->path);
		progress("rebase", NULL, off, image_size(im));
		if (!p.depth)
			continue;
		iov.iov_len = p.len;
		image_must_read(im, off, want, p.len);
		image_must_read(other, off, have, p.len);
		if (memcmp(have, want, p.len))
			must(image_writev(im, off, &iov, 1), im->top->path);
	}
	must(image_flush(im), im->top->path);
	progress_end();
	free(have);
	free(want);
}

/* Dies unless the sizes fit. Version 3 records no size, so the backing files' must be equal. */
static void check_size(const struct image *im, const struct image *other)
{
	if (im->top->ops == &layer_cow3_ops && image_size(other) != image_size(im))
		die("%s: version 3 needs a backing file of %llu bytes", other->top->path,
			(unsigned long long)image_size(im));
	if (im->top->ops == &layer_cow3_ops && other->top->ops != &layer_raw_ops)
		die("%s: version 3 needs a raw backing file", other->top->path);
	if (image_size(other) > image_size(im))
		die("%s: is larger than the disk", other->top->path);
}

/*
 * Dies if @file would become its own backing file. Called before this process locks files, since
 * the check opens them.
 */
static void refuse_loop(const char *file, const char *backing)
{
	struct image *other = image_must_open(backing, NULL, IMAGE_RDONLY | IMAGE_SHARED);
	struct stat st;

	if (stat(file, &st))
		die("%s: %s", file, strerror(errno));
	for (const struct layer *l = other->top; l; l = l->below)
		if (l->dev == st.st_dev && l->ino == st.st_ino)
			die("%s: would be a backing file of itself", file);
	image_close(other);
}

int cow_rebase(const char *file, const char *from, const char *backing, bool unsafe)
{
	struct image *im, *other;
	int err;

	refuse_loop(file, backing);
	/* do not open the old backing file with -u: it may be gone */
	im = unsafe ? image_must_open(file, backing, IMAGE_ANY) : image_must_open(file, from, 0);
	if (!im->top->below)
		die("%s: has no backing file", file);
	other = image_must_open(
		backing, NULL, image_is_raw(backing) ? IMAGE_RDONLY | IMAGE_RAW : IMAGE_RDONLY);
	check_size(im, other);
	if (!unsafe)
		copy_up(im, other);
	err = im->top->ops->rebase(
		im->top, backing, other->top->fd, other->top->ops == &layer_raw_ops);
	if (err == -EOPNOTSUPP)
		die("%s: of this version only the contents can be read; convert --to v3 first",
			file);
	must(err, file);
	layer_remember(file, backing);
	image_close(other);
	must(image_close(im), file);
	return 0;
}
