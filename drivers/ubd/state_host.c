/* SPDX-License-Identifier: MIT */
/*
 * state_host.c: see state_host.h.
 *
 * Saving. A file without a name, as `nestctl run` makes them, becomes the state's: it gets a name
 * in the state's folder with a hard link, and at the stop an empty layer is put over it. A file
 * with a name is the user's and continues to be written, so it is copied while the machine runs
 * (backup_host.c). A file that cannot be linked is copied, too: the state may be on another file
 * system, or the host may be unable to give it a name. Parts below are linked or, if that is not
 * possible, copied. If there are too many, the upper ones, or all, are merged into one file, which
 * replaces them in the chain at the stop. The lowest and largest part is merged only when the
 * others have grown to half of its size.
 *
 * Continuing. An empty file without a name is put over the parts in the state's folder. A file with
 * a name gets the content of the parts: all or nothing (replace_host.h), or in place if the host
 * lacks the room or does not allow the file to be replaced. It is locked before it is changed, and
 * must be empty or contain a layer of the same kind, so that a wrong name on the command line
 * destroys no image.
 */
#include "drivers/ubd/state_host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/fs.h>

#include "drivers/ubd/backup_host.h"
#include "drivers/ubd/chain_host.h"
#include "drivers/ubd/copy_host.h"
#include "drivers/ubd/cow4_host.h"
#include "drivers/ubd/cow_host.h"
#include "drivers/ubd/replace_host.h"
#include "os-linux/host.h"

static int fail(char *err, size_t size, const char *file, const char *why)
{
	snprintf(err, size, "%.300s: %.200s", file, why);
	return -EINVAL;
}

static int fail_host(char *err, size_t size, const char *file, int error)
{
	fail(err, size, file, strerror(-error));
	return error;
}

/* Reports an error as fail_host() does, for a file that could not be made. */
static int fail_new(char *err, size_t size, const char *file, int error)
{
	if (error != -EACCES || !os_jailed())
		return fail_host(err, size, file, error);
	fail(err, size, file,
		"Permission denied (a jailed instance makes no file in a folder that its guest "
		"shares)");
	return error;
}

/* ---- saving ---- */

struct disk_save {
	struct image *im;
	struct layer *first; /* the file that is written */
	bool kept;           /* true: it remains the written file */
	uint32_t unit;
	char *dir;
	/* number of files named in the folder */
	int nr_files;
	/* the layer put over the first file at the stop; NULL: the first file is copied */
	struct layer *fresh;
	bool pushed;
	struct backup *backup;
	/*
	 * merged: the file that will replace the parts below the first file, down to @last; NULL
	 * once it has replaced them
	 */
	struct layer *merged, *last;
	struct layer *dropped; /* parts that were replaced */
};

struct disk_save *disk_save_new(struct image *im, const char *dir, uint32_t unit, bool kept)
{
	struct disk_save *s = calloc(1, sizeof(*s));

	if (s)
		s->dir = strdup(dir);
	if (!s || !s->dir) {
		free(s);
		return NULL;
	}
	s->im = im;
	s->first = im->top;
	s->unit = unit;
	s->kept = kept;
	return s;
}

static struct layer *next_part(const struct layer *l)
{
	return l->more ? l->below : NULL;
}

/* Makes file @n in the folder. Returns a descriptor or -errno. */
static int new_file(struct disk_save *s, int n, char name[PART_NAME])
{
	int err = part_name(name, s->dir, s->unit, n), fd;

	if (err)
		return err;
	fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	s->nr_files = n + 1 > s->nr_files ? n + 1 : s->nr_files;
	return fd;
}

/* Puts a file that no longer changes into the folder, as part @n. */
static int put_file(struct disk_save *s, const struct layer *l, int n, char *err, size_t size)
{
	char name[PART_NAME];
	int result = part_name(name, s->dir, s->unit, n), fd;

	if (!result && !file_link(l->fd, name)) {
		s->nr_files = n + 1 > s->nr_files ? n + 1 : s->nr_files;
		return 0;
	}
	fd = result ? result : new_file(s, n, name);
	if (fd < 0)
		return fail_new(err, size, name, fd);
	result = file_copy_sparse(l->fd, fd);
	close(fd);
	return result ? fail_host(err, size, name, result) : 0;
}

static uint64_t bytes_of(const struct layer *l)
{
	struct stat st;

	return host_fstat(l->fd, &st) ? 0 : (uint64_t)st.st_blocks * 512;
}

/* Returns the lowest part that is to be merged with those above it, or NULL. */
static struct layer *choose_last(const struct disk_save *s)
{
	struct layer *l, *before = NULL, *last = NULL;
	uint64_t sum = 0;
	int count = 1;

	for (l = next_part(s->first); l; l = next_part(l)) {
		sum += last ? bytes_of(last) : 0;
		before = last;
		last = l;
		count++;
	}
	if (count <= PARTS_MAX)
		return NULL;
	return last->unit != LAYER_SECTOR || bytes_of(last) / 2 > sum ? before : last;
}

/* Makes the file into which parts are merged. Returns its layer, or NULL with @err. */
static struct layer *new_merged(struct disk_save *s, char *err, size_t size)
{
	char name[PART_NAME] = "";
	int fd = new_file(s, 1, name), bad;

	if (fd < 0) {
		fail_new(err, size, name, fd);
		return NULL;
	}
	if (!s->last->more)
		return backup_blank(s->last, fd, name, err, size);
	bad = cow_init_part(fd, s->first->size);
	if (!bad)
		return layer_open_fd(fd, name, IMAGE_DIRECT, err, size);
	close(fd);
	fail_host(err, size, name, bad);
	return NULL;
}

/* Merges parts. The old ones stay in the chain until the stop. */
static int merge(struct disk_save *s, char *err, size_t size)
{
	int result;

	s->merged = new_merged(s, err, size);
	if (!s->merged)
		return -EIO;
	result = part_merge(s->first->below, s->last, s->merged);
	if (!result && s->merged->ops->seal)
		result = s->merged->ops->seal(s->merged);
	if (result)
		return fail_host(err, size, s->merged->path, result);
	layer_set_rdonly(s->merged, true);
	return 0;
}

/* Puts the parts below the first file into the folder. */
static int put_parts(struct disk_save *s, char *err, size_t size)
{
	const struct layer *l = next_part(s->first);
	int result = 0, n = 1;

	s->last = choose_last(s);
	if (s->last) {
		result = merge(s, err, size);
		l = next_part(s->last);
		n = 2;
	}
	for (; !result && l; l = next_part(l))
		result = put_file(s, l, n++, err, size);
	return result;
}

/*
 * True if the first file now has its name in the folder, and an empty file is ready to be put over
 * it.
 */
static bool link_first(struct disk_save *s)
{
	struct layer *first = s->first;
	char name[PART_NAME], why[600];
	struct stat st;
	int fd;

	/* a file that has a name anywhere is the user's */
	if (s->kept || first->ops == &layer_raw_ops || host_fstat(first->fd, &st) || st.st_nlink ||
		part_name(name, s->dir, s->unit, 0) || file_link(first->fd, name))
		return false;
	fd = part_new_file(s->dir);
	if (fd >= 0 && cow_init_part(fd, first->size)) {
		close(fd);
		fd = -1;
	}
	s->fresh = fd < 0 ? NULL : layer_open_fd(fd, first->path, IMAGE_DIRECT, why, sizeof(why));
	if (!s->fresh) {
		unlink(name);
		return false;
	}
	s->nr_files = s->nr_files ? s->nr_files : 1;
	return true;
}

/* Prepares the copy of the first file, which is written meanwhile. */
static int begin_backup(struct disk_save *s, char *err, size_t size)
{
	char name[PART_NAME] = "";
	int fd = new_file(s, 0, name);
	struct layer *to;

	if (fd < 0)
		return fail_new(err, size, name, fd);
	to = backup_blank(s->first, fd, name, err, size);
	if (!to)
		return -EIO;
	s->backup = backup_new(s->first, to);
	return s->backup ? 0 : fail_host(err, size, name, -ENOMEM);
}

int disk_save_prepare(struct disk_save *s, char *err, size_t size)
{
	struct stat st;
	int result;

	if (host_fstat(s->first->fd, &st))
		return fail_host(err, size, s->first->path, -errno);
	if (!S_ISREG(st.st_mode))
		return fail(err, size, s->first->path,
			"is a block device, which no state keeps: a COW file over it can be saved");
	result = put_parts(s, err, size);
	if (!result && !link_first(s))
		result = begin_backup(s, err, size);
	return result;
}

/* Replaces parts of the chain by the file with their merged content. */
static void take_merged(struct disk_save *s)
{
	s->merged->below = s->last->below;
	s->merged->more = s->last->more;
	s->last->below = NULL;
	s->last->more = false;
	s->dropped = s->first->below;
	s->first->below = s->merged;
	s->merged = NULL;
}

void disk_save_stop(struct disk_save *s)
{
	if (s->merged)
		take_merged(s);
	s->pushed = s->fresh;
	if (s->pushed) {
		image_push(s->im, s->fresh);
		layer_set_rdonly(s->first, true);
	} else {
		backup_start(s->im, s->backup);
	}
}

void disk_save_undo(struct disk_save *s)
{
	if (s->pushed) {
		image_pop(s->im);
		layer_set_rdonly(s->first, false);
	} else {
		backup_stop(s->im);
	}
	s->pushed = false;
}

static void remove_files(const struct disk_save *s)
{
	char name[PART_NAME];

	for (int n = 0; n < s->nr_files; n++)
		if (!part_name(name, s->dir, s->unit, n))
			unlink(name);
}

int disk_save_complete(struct disk_save *s, bool saved, char *err, size_t size)
{
	int result = 0, ended;

	if (saved && s->pushed && s->first->ops->seal)
		result = s->first->ops->seal(s->first);
	if (saved && s->backup)
		result = backup_run(s->im);
	if (s->backup) {
		ended = backup_end(s->im, s->backup);
		result = result || !saved ? result : ended;
		s->backup = NULL;
	}
	if (result || !saved)
		remove_files(s);
	return result ? fail_host(err, size, s->first->path, result) : 0;
}

void disk_save_free(struct disk_save *s)
{
	if (s->backup)
		backup_end(s->im, s->backup);
	if (!s->pushed)
		layer_close(s->fresh, false);
	layer_close(s->merged, false);
	layer_close(s->dropped, false);
	free(s->dir);
	free(s);
}

/* ---- continuing from a state ---- */

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Returns 0 if the content of @to may be replaced by that of @from. */
static int check_target(struct ubd_open *o, int from, int to)
{
	struct stat was, is;

	if (host_fstat(from, &was) || host_fstat(to, &is))
		return fail_host(o->err, sizeof(o->err), o->file, -errno);
	if (!S_ISREG(was.st_mode) || !S_ISREG(is.st_mode))
		return fail(o->err, sizeof(o->err), o->file, "is no file: name a new or empty one");
	if (same_file(&was, &is))
		return fail(o->err, sizeof(o->err), o->file,
			"is the state's own copy of the disk: name a new or empty file");
	if (!is.st_size)
		return 0;
	if ((cow_kind(from) == COW_NONE) != (cow_kind(to) == COW_NONE) ||
		(cow_kind(from) == COW_NONE && was.st_size != is.st_size))
		return fail(o->err, sizeof(o->err), o->file,
			"holds something else than this disk's changes: name a new or empty file");
	return 0;
}

/* Opens the file that the user names. Returns a descriptor, or -errno with o->err. */
static int open_target(struct ubd_open *o)
{
	int fd = open(o->file, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);

	return fd < 0 ? fail_host(o->err, sizeof(o->err), o->file, -errno) : fd;
}

static int lock_target(struct ubd_open *o, int fd)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char holder[100], why[200];

	if (o->flags & UBD_F_SHARED || file_lock(fd, &fl, holder, sizeof(holder)) != -EAGAIN)
		return 0;
	snprintf(why, sizeof(why), "is in use by another instance%s", holder);
	return fail(o->err, sizeof(o->err), o->file, why);
}

/*
 * Opens a file again by its descriptor, as a layer without layers below. Returns NULL with o->err.
 */
static struct layer *open_copy(struct ubd_open *o, int fd, const char *name, uint32_t flags)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	if (copy >= 0)
		return layer_open_fd(copy, name, flags | IMAGE_SHARED, o->err, sizeof(o->err));
	fail_host(o->err, sizeof(o->err), o->file, -errno);
	return NULL;
}

/* Adds the content of the upper parts to @to, which has the lowest part's content. */
static int add_upper(struct ubd_open *o, const struct disk_load *l, int fd)
{
	struct layer *to = open_copy(o, fd, o->file, 0), *first = NULL, *last = NULL, *part;
	int err = to ? 0 : -EINVAL;

	for (int i = 0; !err && i < l->nr_parts - 1; i++) {
		part = open_copy(o, l->parts[i].fd, l->parts[i].name, IMAGE_RDONLY);
		if (!part)
			err = -EINVAL;
		else if (last)
			last->below = part;
		else
			first = part;
		last = part;
	}
	if (!err) {
		err = part_merge(first, last, to);
		if (!err && to->ops->seal)
			err = to->ops->seal(to);
		if (err)
			fail_host(o->err, sizeof(o->err), o->file, err);
	}
	layer_close(first, false);
	layer_close(to, false);
	return err;
}

/* Gives a file the content of all parts. */
static int fill(struct ubd_open *o, const struct disk_load *l, int to)
{
	int err = file_copy_sparse(l->parts[l->nr_parts - 1].fd, to);

	if (err)
		return fail_host(o->err, sizeof(o->err), o->file, err);
	return l->nr_parts > 1 ? add_upper(o, l, to) : 0;
}

/*
 * Replaces the content of a nonempty file by that of all parts. Returns 1 if that has to be done in
 * place, since the host has no room for both or does not allow the file to be replaced.
 */
static int replace_whole(struct ubd_open *o, const struct disk_load *l, int old)
{
	struct replace r;
	int to = replace_begin(&r, old), err;

	if (to < 0)
		return 1;
	err = fill(o, l, to);
	if (err)
		replace_drop(&r);
	else
		err = replace_end(&r);
	if (err == -ENOSPC || err == -EDQUOT || err == -EOPNOTSUPP)
		return 1;
	return err ? fail_host(o->err, sizeof(o->err), o->file, err) : 0;
}

/* Gives a file that has a name the content of all parts. Returns 0, or -errno with o->err. */
static int replace(struct ubd_open *o, const struct disk_load *l, int to)
{
	int err = lock_target(o, to);
	struct stat st;

	if (!err)
		err = check_target(o, l->parts[l->nr_parts - 1].fd, to);
	if (err)
		return err;
	err = host_fstat(to, &st) || !st.st_size ? 1 : replace_whole(o, l, to);
	return err > 0 ? fill(o, l, to) : err;
}

/* Opens the parts in the state's folder. */
static int open_parts(struct ubd_open *o, struct disk_load *l)
{
	for (int n = 0; n < PARTS_READ; n++) {
		struct image_part *p = &l->parts[n];
		int err = part_name(l->names[n], o->state, o->unit, n);

		if (err)
			return fail_host(o->err, sizeof(o->err), o->state, err);
		p->name = l->names[n];
		p->fd = open(p->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
		if (p->fd < 0 && n && errno == ENOENT)
			return 0;
		if (p->fd < 0)
			return fail_host(o->err, sizeof(o->err), p->name, -errno);
		l->nr_parts++;
	}
	return 0;
}

static void drop_parts(struct disk_load *l)
{
	for (int i = 0; i < l->nr_parts; i++)
		close(l->parts[i].fd);
	l->nr_parts = 0;
}

/* Returns the size of the disk that a COW file shows, or 0 with o->err. */
static uint64_t disk_size(struct ubd_open *o, const struct image_part *p)
{
	struct layer *l = open_copy(o, p->fd, p->name, IMAGE_RDONLY);
	uint64_t size = l ? l->size : 0;

	layer_close(l, false);
	return size;
}

/* Finds the folder of a file without a name. Returns false if the host does not report it. */
static bool folder_of(int fd, char dir[PART_NAME])
{
	char self[40], *end;
	ssize_t n;

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	n = readlink(self, dir, PART_NAME - 1);
	dir[n > 0 ? n : 0] = '\0';
	end = strrchr(dir, '/');
	if (end)
		end[end == dir] = '\0';
	return end;
}

void disk_grant_folder(int fd)
{
	char dir[PART_NAME];

	if (file_is_nameless(fd) && folder_of(fd, dir))
		os_jail_grant(dir, OS_GRANT_NAMELESS);
}

int disk_empty_file(int fd, const char *other)
{
	char dir[PART_NAME];
	struct stat st;
	bool found;

	if (host_fstat(fd, &st) || !st.st_size)
		return fd;
	found = folder_of(fd, dir);
	close(fd);
	fd = found ? part_new_file(dir) : -ENOENT;
	return fd < 0 ? part_new_file(other) : fd;
}

/*
 * Empties a file without a name. Returns false if an instance that continues from it holds a lock,
 * or the file has a name.
 */
static bool empty(int fd)
{
	struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	struct stat st;

	return !fcntl(fd, F_OFD_SETLK, &all) && !host_fstat(fd, &st) && !st.st_nlink &&
	       !ftruncate(fd, 0);
}

/*
 * Makes an empty part for a disk of this size, which may be @old. If the host has no room for it,
 * empties and uses @old, whose data can no longer be read. Returns a descriptor or -errno.
 */
static int new_part(int old, uint64_t size, const char *state)
{
	int copy = fcntl(old, F_DUPFD_CLOEXEC, 3), fd = disk_empty_file(old, state);
	int err = fd < 0 ? fd : cow_init_part(fd, size);

	if ((err == -ENOSPC || err == -EDQUOT) && copy >= 0 && empty(copy)) {
		close(fd);
		fd = fcntl(copy, F_DUPFD_CLOEXEC, 3);
		err = fd < 0 ? -errno : cow_init_part(fd, size);
	}
	close(copy);
	if (!err)
		return fd;
	close(fd);
	return err;
}

/* Puts an empty file over the state's own files. */
static int continue_over(struct ubd_open *o, struct disk_load *l, int fd)
{
	uint64_t size = disk_size(o, &l->parts[0]);

	if (!size) {
		close(fd);
		return -EINVAL;
	}
	fd = new_part(fd, size, o->state);
	if (fd < 0)
		return fail_host(o->err, sizeof(o->err), o->file, fd);
	l->fd = fd;
	return 0;
}

int disk_load(struct ubd_open *o, struct disk_load *l)
{
	int err = open_parts(o, l), fd = err ? err : open_target(o);

	if (fd < 0) {
		drop_parts(l);
		return fd;
	}
	if (!(o->flags & UBD_F_KEPT) && file_is_nameless(fd) &&
		cow_kind(l->parts[0].fd) != COW_NONE) {
		err = continue_over(o, l, fd);
		if (err)
			drop_parts(l);
		return err;
	}
	err = replace(o, l, fd);
	close(fd);
	drop_parts(l);
	return err;
}

/* ---- images that are only read ---- */

/* Returns the layer that the disk's changes are over, or NULL. */
static const struct layer *base_of(const struct image *im)
{
	const struct layer *l = im->top;

	while (!im->rdonly && l->more)
		l = l->below;
	return im->rdonly ? l : l->below;
}

/* Returns a file's mtime in ns. That of a block device would be that of its entry in /dev: 0. */
static int64_t time_of(const struct stat *st)
{
	return S_ISBLK(st->st_mode) ? 0 : st->st_mtim.tv_sec * 1000000000L + st->st_mtim.tv_nsec;
}

void image_identify(const struct image *im, struct ubd_base *base)
{
	const struct layer *l = base_of(im);
	struct stat st;

	memset(base, 0, sizeof(*base));
	if (!l || host_fstat(l->fd, &st))
		return;
	snprintf(base->file, sizeof(base->file), "%s", l->path);
	base->size = (uint64_t)st.st_size;
	base->ns = time_of(&st);
	if (S_ISBLK(st.st_mode))
		ioctl(l->fd, BLKGETSIZE64, &base->size);
}

int image_check_base(const struct image *im, const struct ubd_base *base, char *err, size_t size)
{
	const struct layer *l = base_of(im);
	struct stat st;

	if (!l || !base->size || host_fstat(l->fd, &st) || time_of(&st) == base->ns)
		return 0;
	snprintf(err, size, "%.200s: the image has changed since the instance has opened it",
		l->path);
	return -ESTALE;
}
