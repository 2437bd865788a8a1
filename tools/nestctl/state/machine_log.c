/* SPDX-License-Identifier: MIT */
/*
 * machine_log.c: the output of machines that continue from a state: their console, their kernels'
 * standard error, and how the last kernel ended. The keeper writes it (keeper.c), `nestctl logs`
 * prints it.
 *
 * Each machine has a folder NAME of $XDG_DATA_HOME/nestling/machines, with files of service/log.h.
 * The keeper holds a shared lock (flock(2)) on the folder while it lives. A new machine begins the
 * log of its name anew. Only a machine that moves to another process (`migrate --here`) continues
 * its log, which two keepers lock for a while. The file MOVED shows the first keeper that its
 * machine continues under another one. Logs of machines that have ended stay, up to ENDED_MAX of
 * them.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/service/log.h"
#include "tools/nestctl/state/state.h"

/* the file in the log of a machine that has moved to another keeper */
#define MOVED "moved"
#define ENDED_MAX 16
/* bytes of a file, and how many files are kept */
#define FILE_SIZE (1 << 20)
#define FILES 3
/* how often to make the folder, if another process removes it before it is locked */
#define TRIES 8
/* how long a new machine waits for the locks of others, in ms */
#define LOCK_MS 1000
#define LOCK_TICK_MS 20

static int open_folder(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

/* Removes the files of a log. */
static void empty(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	for (struct dirent *e; d && (e = readdir(d));)
		if (*e->d_name != '.')
			unlinkat(dir, e->d_name, 0);
	if (d)
		closedir(d);
}

/* ---- logs of machines that have ended ---- */

struct ended {
	char *path;
	struct timespec time;
};

static int newest_first(const void *a, const void *b)
{
	const struct timespec *x = &((const struct ended *)a)->time;
	const struct timespec *y = &((const struct ended *)b)->time;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec < y->tv_sec ? 1 : -1;
	if (x->tv_nsec != y->tv_nsec)
		return x->tv_nsec < y->tv_nsec ? 1 : -1;
	return strcmp(((const struct ended *)a)->path, ((const struct ended *)b)->path);
}

static void remove_ended(const char *path)
{
	int fd = open_folder(path);

	/* a keeper may have begun to use it */
	if (fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB)) {
		empty(fd);
		rmdir(path);
	}
	if (fd >= 0)
		close(fd);
}

/* Removes all logs of ended machines but the newest ENDED_MAX. */
static void sweep(const char *root)
{
	struct ended *all = NULL;
	size_t n = 0;
	DIR *d = opendir(root);

	for (struct dirent *e; d && (e = readdir(d));) {
		char *path = *e->d_name == '.' ? NULL : format("%s/%s", root, e->d_name);
		int fd = path ? open_folder(path) : -1;
		struct stat st;

		if (fd < 0)
			continue;
		if (!machine_log_is_busy(fd) && !fstat(fd, &st)) {
			all = realloc(all, (n + 1) * sizeof(*all));
			if (!all)
				die("out of memory");
			all[n++] = (struct ended){ path, st.st_mtim };
		}
		close(fd);
	}
	if (d)
		closedir(d);
	if (n > ENDED_MAX)
		qsort(all, n, sizeof(*all), newest_first);
	for (size_t i = ENDED_MAX; i < n; i++)
		remove_ended(all[i].path);
	free(all);
}

/* ---- the keeper's ---- */

/*
 * Waits up to LOCK_MS for the exclusive lock of the folder @fd: an earlier machine's keeper may be
 * about to end, or another nestctl may be testing the lock. If @moves is set and a keeper has the
 * lock, takes a shared lock instead and returns true at once. Otherwise returns false, when it has
 * the exclusive lock or when LOCK_MS are over.
 */
static bool wait_for_others(int fd, bool moves)
{
	for (int i = 0; i < LOCK_MS / LOCK_TICK_MS && flock(fd, LOCK_EX | LOCK_NB); i++) {
		if (moves && !flock(fd, LOCK_SH | LOCK_NB))
			return true;
		poll(NULL, 0, LOCK_TICK_MS);
	}
	return false;
}

/*
 * Makes the folder, empties it unless the machine moves from another keeper, and locks it. Returns
 * -1 if another process has removed it meanwhile. Dies on an error.
 */
static int lock_folder(const char *path, bool moves)
{
	struct stat st;
	int fd;

	make_dirs(path);
	fd = open_folder(path);
	if (fd < 0 && errno == ENOENT)
		return -1;
	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	if (!wait_for_others(fd, moves))
		empty(fd);
	while (flock(fd, LOCK_SH) && errno == EINTR)
		;
	if (!fstat(fd, &st) && st.st_nlink)
		return fd;
	close(fd);
	return -1;
}

struct begin {
	const char *name;
	bool moves;
	struct log *log;
};

static void begin(void *arg)
{
	const struct begin *b = arg;
	const char *root = data_dir("machines");
	int dir = -1;

	sweep(root);
	for (int i = 0; i < TRIES && dir < 0; i++)
		dir = lock_folder(format("%s/%s", root, b->name), b->moves);
	if (dir < 0)
		die("%s/%s: other processes remove it", root, b->name);
	log_open(b->log, dir, FILE_SIZE, FILES);
}

struct log *machine_log_begin(const char *name, bool moves)
{
	struct begin b = { name, moves, xalloc(sizeof(*b.log)) };
	const char *why = attempt(begin, &b);

	if (!why)
		return b.log;
	warn("%s: its output is not kept: %s", name, why);
	return NULL;
}

/* ---- the reader's ---- */

int machine_log_open(const char *name)
{
	if (!*name || *name == '.' || strchr(name, '/') || strlen(name) > NAME_MAX)
		return -1;
	return open_folder(format("%s/%s", data_dir("machines"), name));
}

bool machine_log_is_busy(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool busy = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK;

	if (fd >= 0)
		close(fd);
	return busy;
}

/* ---- the end ---- */

void machine_log_moved(const char *name)
{
	int dir = machine_log_open(name), fd = -1;

	if (dir >= 0 && machine_log_is_busy(dir))
		fd = openat(dir, MOVED, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	if (dir >= 0)
		close(dir);
}

void machine_log_end(const struct log *l)
{
	/* sweep() sorts by it; a write to a file does not change the folder's time */
	futimens(l->dir, NULL);
}

bool machine_log_goes_on(int dir)
{
	/*
	 * flock() fails only if another keeper has locked the folder too. A reader cannot be the
	 * cause, since its attempt to lock fails beside a keeper's lock.
	 */
	return flock(dir, LOCK_EX | LOCK_NB) || !faccessat(dir, MOVED, F_OK, 0);
}
