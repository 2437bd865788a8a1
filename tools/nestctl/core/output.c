/* SPDX-License-Identifier: MIT */
/*
 * output.c: see output.h.
 *
 * A new file has no name until it is on the disk (O_TMPFILE), so nothing has to be removed when
 * nestctl ends early. It has a temporary name (OUTPUT_MARK) in two cases: on a file system without
 * O_TMPFILE, and for the instant in which it replaces another file. That name is removed at exit
 * and on signals. After SIGKILL it stays, and image_store.c removes such names from the store.
 *
 * Invariant: a slot's @name is set, and cleared when the file gets its final name, with signals
 * blocked. So clean_up(), called by a signal handler of the same thread, removes no finished file.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/output.h"

#define OUTPUTS_MAX 16 /* an instance has at most 16 disks */

/* An unfinished output. @name: its path beside the final one, or NULL if it has none. */
static struct output {
	int fd; /* fd + 1, or 0 for a free slot */
	const char *volatile name, *volatile companion;
} outputs[OUTPUTS_MAX];

/* Returns the slot of a descriptor, or a free one for -1. Dies if there is none. */
static struct output *slot_of(int fd)
{
	for (int i = 0; i < OUTPUTS_MAX; i++)
		if (outputs[i].fd == fd + 1)
			return &outputs[i];
	die("too many files at once");
}

/* path of the temporary folder, or NULL */
static const char *volatile scratch;

/* ---- cleaning up ---- */

/* levels of nested folders that are removed with the temporary folder */
#define DEPTH_MAX 16

/* Removes the folder's entries in one pass. Returns how many it removed. */
static int remove_entries(int dir, int depth);

/*
 * Removes the folder's contents, in passes until one removes nothing. Async-signal-safe, as are the
 * functions that it calls.
 */
static void empty_folder(int dir, int depth)
{
	while (remove_entries(dir, depth) > 0)
		lseek(dir, 0, SEEK_SET);
}

/* Removes an entry, and what is in it if @depth levels suffice. True if it was removed. */
static bool remove_entry(int dir, const char *name, int depth)
{
	int fd;

	if (!strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	if (!unlinkat(dir, name, 0))
		return true;
	fd = depth ? openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
	if (fd < 0)
		return false;
	empty_folder(fd, depth - 1);
	close(fd);
	return !unlinkat(dir, name, AT_REMOVEDIR);
}

static int remove_entries(int dir, int depth)
{
	union {
		struct dirent64 align;
		char room[2048];
	} buf;
	int removed = 0;
	long n;

	while ((n = syscall(SYS_getdents64, dir, buf.room, sizeof(buf.room))) > 0)
		for (long at = 0; at < n;) {
			const struct dirent64 *e = (const void *)(buf.room + at);

			removed += remove_entry(dir, e->d_name, depth);
			at += e->d_reclen;
		}
	return removed;
}

static void remove_scratch(void)
{
	int dir = scratch ? open(scratch, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;

	if (dir < 0)
		return;
	empty_folder(dir, DEPTH_MAX);
	close(dir);
	rmdir(scratch);
}

/*
 * Removes the names of unfinished outputs and companions, and the temporary folder.
 * Async-signal-safe.
 */
static void clean_up(void)
{
	stop_child();
	remove_scratch();
	for (int i = 0; i < OUTPUTS_MAX; i++) {
		if (outputs[i].name)
			unlink(outputs[i].name);
		if (outputs[i].companion)
			unlink(outputs[i].companion);
	}
}

static void on_signal(int sig)
{
	clean_up();
	signal(sig, SIG_DFL);
	raise(sig);
}

void clean_up_when_ended(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	atexit(clean_up);
	on_ending_signals(on_signal);
}

/* Blocks all signals and returns the old mask. */
static sigset_t block_signals(void)
{
	sigset_t all, before;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	return before;
}

static void restore_signals(const sigset_t *before)
{
	sigprocmask(SIG_SETMASK, before, NULL);
}

/* ---- outputs ---- */

static const char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return ".";
	return slash == path ? "/" : format("%.*s", (int)(slash - path), path);
}

/* Returns a path beside @path that very likely does not exist. */
static char *name_beside(const char *path)
{
	uint32_t number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		die("getrandom: %s", strerror(errno));
	return format("%s" OUTPUT_MARK "%08x", path, number);
}

/* Makes a file beside @path for file systems without O_TMPFILE. Returns its descriptor, or dies. */
static int open_named(struct output *o, const char *path)
{
	char *name = name_beside(path);
	sigset_t before = block_signals();
	int fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd >= 0)
		o->name = name;
	restore_signals(&before);
	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	return fd;
}

int output_open(const char *path)
{
	struct output *o = slot_of(-1);
	struct stat st;
	int fd;

	/* replacing a device such as /dev/null could not be undone */
	if (!stat(path, &st) && !S_ISREG(st.st_mode))
		die("%s: not a regular file", path);

	clean_up_when_ended();
	fd = open(folder_of(path), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		fd = open_named(o, path);
	o->fd = fd + 1;
	return fd;
}

void output_by_umask(int fd)
{
	mode_t mask = umask(0);

	umask(mask);
	fchmod(fd, 0666 & ~mask);
}

void output_replaces(int fd, int old)
{
	struct stat st, own;
	mode_t mode;

	if (fstat(old, &st) || fstat(fd, &own))
		return;
	mode = st.st_mode & 0777;
	if ((st.st_uid != own.st_uid || st.st_gid != own.st_gid) &&
		fchown(fd, st.st_uid, st.st_gid))
		mode &= ~(mode_t)S_IRWXG; /* owner or group differs */
	fchmod(fd, mode);
}

void output_companion(int fd, const char *path)
{
	slot_of(fd)->companion = path;
}

/* Writes the folder that contains @path back to the disk, or dies. */
static void sync_folder(const char *path)
{
	int fd = open(folder_of(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd))
		die("%s: %s", path, strerror(errno));
	close(fd);
}

/* Gives a nameless file the name @path. True on success, false with errno. */
static bool link_fd(int fd, const char *path)
{
	char *self = format("/proc/self/fd/%d", fd);
	int failed = linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW);

	free(self);
	return !failed;
}

/*
 * Gives the file a name beside @path, from which rename() can replace @path. True on success, false
 * with errno.
 */
static bool link_beside(struct output *o, int fd, const char *path)
{
	char *name = name_beside(path);

	if (!link_fd(fd, name))
		return false;
	o->name = name;
	return true;
}

/* Gives the file the name @path. True on success, false with errno. */
static bool give_name(struct output *o, int fd, const char *path, bool replace)
{
	if (!o->name) {
		if (link_fd(fd, path))
			return true;
		if (errno != EEXIST || !replace || !link_beside(o, fd, path))
			return false;
	}
	if (replace ? rename(o->name, path) : link(o->name, path))
		return false;
	if (!replace)
		unlink(o->name);
	return true;
}

void output_finish(int fd, const char *path, bool replace)
{
	struct output *o = slot_of(fd);
	sigset_t before;
	bool given;

	if (fsync(fd))
		die("%s: %s", path, strerror(errno));
	before = block_signals();
	given = give_name(o, fd, path, replace);
	if (given)
		*o = (struct output){ 0 };
	restore_signals(&before);
	if (!given)
		die("%s: %s", path, strerror(errno));
	sync_folder(path);
	close(fd);
}

/* ---- temporary files ---- */

/*
 * Opens a file without a name in @dir. Returns -1 with errno. O_EXCL is not set, because a save
 * gives a disk's file a name in the state's folder.
 */
static int temporary_file_in(const char *dir)
{
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), err;
	sigset_t before;
	char *name;

	if (fd >= 0)
		return fd;
	name = format("%s/nestling-XXXXXX", dir);
	before = block_signals();
	fd = mkostemp(name, O_CLOEXEC);
	err = errno;
	if (fd >= 0)
		unlink(name);
	restore_signals(&before);
	free(name);
	errno = err;
	return fd;
}

/*
 * Calls @make with each folder for temporary files until a call succeeds, which is a result of 0 or
 * more. Returns that result. Dies if all calls fail.
 */
static int make_in_one(int (*make)(const char *dir), const char *what)
{
	const char *dir = getenv("TMPDIR");
	const char *const dirs[] = { dir && *dir ? dir : "/var/tmp", "/var/tmp", "/tmp" };
	int first = 0;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		int made = make(dirs[i]);

		if (made >= 0)
			return made;
		first = first ? first : errno;
	}
	die("%s: no place for %s: %s", dirs[0], what, strerror(first));
}

int temporary_file(const char *what)
{
	return make_in_one(temporary_file_in, what);
}

/* Makes the temporary folder in @dir. Returns 0, or -1 with errno. */
static int temporary_folder_in(const char *dir)
{
	char *name = format("%s/nestling-XXXXXX", dir);
	sigset_t before = block_signals();
	int err;

	scratch = mkdtemp(name);
	err = errno;
	restore_signals(&before);
	if (scratch)
		return 0;
	free(name);
	errno = err;
	return -1;
}

const char *temporary_folder(const char *what)
{
	clean_up_when_ended();
	if (!scratch)
		make_in_one(temporary_folder_in, what);
	return scratch;
}
