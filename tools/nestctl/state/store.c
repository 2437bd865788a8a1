/* SPDX-License-Identifier: MIT */
/*
 * store.c: folders of states, in the store and elsewhere.
 *
 * A folder is filled under a temporary name beside its final one (NAME, OUTPUT_MARK, eight digits),
 * and renamed when all of it is on the disk. A folder that is to be removed gets such a name first.
 * The process that fills or empties it holds a lock on the folder (flock(2)). A folder with a
 * temporary name and no lock was left by a killed process, and state_sweep() removes it. Processes
 * that read a state hold a shared lock.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/output.h"
#include "tools/nestctl/state/state.h"

#define NAME_CHARS 100
#define TRIES 100
/* how long a change waits for the lock of a state */
#define LOCK_TRIES 50
#define LOCK_STEP_MS 10
/* files that are synced concurrently */
#define SYNC_MAX 8

const char *state_store(void)
{
	return data_dir("states");
}

/* True for a valid name in the store. */
static bool is_name(const char *text)
{
	size_t n = strlen(text);

	for (const char *p = text; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("._+@-", *p))
			return false;
	return n && n <= NAME_CHARS && *text != '.' && *text != '-' && !strstr(text, OUTPUT_MARK);
}

/* Returns the absolute form of a path, whose last part need not exist. */
static const char *absolute(const char *path)
{
	size_t n = strlen(path);
	const char *slash, *dir, *base;
	char *real;

	while (n > 1 && path[n - 1] == '/')
		n--;
	path = format("%.*s", (int)n, path);
	real = realpath(path, NULL);
	if (real)
		return real;
	slash = strrchr(path, '/');
	base = slash ? slash + 1 : path;
	dir = !slash ? "." : slash == path ? "/" : format("%.*s", (int)(slash - path), path);
	real = realpath(dir, NULL);
	if (!real)
		die("%s: %s", dir, strerror(errno));
	if (!*base || !strcmp(base, ".") || !strcmp(base, "..") || strstr(base, OUTPUT_MARK))
		die("%s: not a name for a state's folder", path);
	return format("%s/%s", strcmp(real, "/") ? real : "", base);
}

const char *state_folder(const char *name)
{
	if (strchr(name, '/'))
		return absolute(name);
	if (!is_name(name))
		die("'%.100s' is not a name for a state: it has letters, digits and ._+@- only",
			name);
	return format("%s/%s", state_store(), name);
}

/* Returns the folder that contains the absolute @path. */
static const char *parent_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == path ? "/" : format("%.*s", (int)(slash - path), path);
}

static void sync_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd))
		die("%s: %s", path, strerror(errno));
	close(fd);
}

/* ---- locks ---- */

/* True if @path still names the open folder @fd. */
static bool is_still(int fd, const char *path)
{
	struct stat a, b;

	return !fstat(fd, &a) && !lstat(path, &b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/*
 * Opens and locks a folder, exclusively if @change. Returns its descriptor, or -1 with errno, which
 * is EAGAIN if another process has a lock that excludes this one.
 */
static int open_locked(const char *path, bool change)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int err;

	if (fd < 0)
		return -1;
	if (!flock(fd, (change ? LOCK_EX : LOCK_SH) | LOCK_NB) && is_still(fd, path))
		return fd;
	err = errno == EWOULDBLOCK ? EAGAIN : ENOENT;
	close(fd);
	errno = err;
	return -1;
}

int state_lock(const char *path, const char *name, bool change)
{
	int fd = open_locked(path, change);

	/* a nestctl that starts an instance from the state has its lock for some milliseconds */
	for (int i = 0; fd < 0 && errno == EAGAIN && change && i < LOCK_TRIES; i++) {
		poll(NULL, 0, LOCK_STEP_MS);
		fd = open_locked(path, change);
	}
	if (fd >= 0)
		return fd;
	if (errno == ENOENT)
		die("%s: there is no state of this name", name);
	if (errno == EAGAIN)
		die("%s: another nestctl uses it", name);
	die("%s: %s", path, strerror(errno));
}

/* ---- removal ---- */

/*
 * Removes the files in a folder. Errors are ignored. pool_keep() keeps those that an instance has
 * open.
 */
static void remove_files(int fd)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);

	for (struct dirent *e; d && (e = readdir(d));)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
			if (!strncmp(e->d_name, "ubd", 3))
				pool_keep(fd, e->d_name);
			unlinkat(fd, e->d_name, 0);
		}
	if (d)
		closedir(d);
}

/* Returns a fresh path beside @path, which state_sweep() recognizes. */
static char *temporary_name(const char *path)
{
	uint32_t number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		die("getrandom: %s", strerror(errno));
	return format("%s" OUTPUT_MARK "%08x", path, number);
}

/* Renames the folder first, so that its name is free at once. */
void state_remove_folder(int fd, const char *path)
{
	char *name = temporary_name(path);

	if (renameat2(AT_FDCWD, path, AT_FDCWD, name, RENAME_NOREPLACE) && rename(path, name))
		die("%s: %s", path, strerror(errno));
	remove_files(fd);
	if (rmdir(name))
		die("%s: %s", name, strerror(errno));
}

/* True if the folder @fd has a state.json. */
static bool is_state(int fd)
{
	struct stat st;

	return !fstatat(fd, STATE_JSON, &st, AT_SYMLINK_NOFOLLOW) && S_ISREG(st.st_mode);
}

void state_remove(const char *name)
{
	const char *path = state_folder(name);
	int fd = state_lock(path, name, true);

	if (!is_state(fd))
		die("%s: not a state: it has no " STATE_JSON, name);
	state_remove_folder(fd, path);
	close(fd);
}

void state_sweep(const char *dir)
{
	DIR *d = opendir(dir);

	for (struct dirent *e; d && (e = readdir(d));) {
		const char *mark = strstr(e->d_name, OUTPUT_MARK);
		char *path;
		int fd;

		if (!mark || strlen(mark) != strlen(OUTPUT_MARK) + 8 ||
			strspn(mark + strlen(OUTPUT_MARK), "0123456789abcdef") != 8)
			continue;
		path = format("%s/%s", dir, e->d_name);
		fd = open_locked(path, true);
		if (fd >= 0) {
			remove_files(fd);
			rmdir(path);
			close(fd);
		}
		free(path);
	}
	if (d)
		closedir(d);
	pool_sweep();
}

/* ---- a folder that is being made ---- */

static struct {
	int fd; /* fd + 1, or 0 for none */
	const char *volatile path;
} making;

/* Writes "ubd<unit>.layer", and ".<part>" if @part is not 0. Async-signal-safe. */
static void layer_name(char *to, int unit, int part)
{
	to = stpcpy(to, "ubd");
	if (unit >= 10)
		*to++ = '1';
	*to++ = (char)('0' + unit % 10);
	to = stpcpy(to, ".layer");
	if (part) {
		*to++ = '.';
		*to++ = (char)('0' + part);
	}
	*to = '\0';
}
_Static_assert(STATE_DISKS <= 20 && STATE_PARTS < 10, "layer_name() writes one digit");

/*
 * Removes the unfinished folder. Async-signal-safe: calls no readdir(), but tries all names that
 * files of a state or template can have.
 */
static void clean_up(void)
{
	char name[32];

	if (!making.fd || !making.path)
		return;
	unlinkat(making.fd - 1, STATE_MEMORY, 0);
	for (int i = 0; i < STATE_OLDER; i++)
		unlinkat(making.fd - 1, state_older_names[i], 0);
	unlinkat(making.fd - 1, STATE_JSON, 0);
	unlinkat(making.fd - 1, STATE_SEAL, 0);
	unlinkat(making.fd - 1, STATE_SEAL ".new", 0);
	unlinkat(making.fd - 1, "key", 0);
	unlinkat(making.fd - 1, "fault", 0);
	for (int i = 0; i < STATE_DISKS * (STATE_PARTS + 1); i++) {
		layer_name(name, i / (STATE_PARTS + 1), i % (STATE_PARTS + 1));
		unlinkat(making.fd - 1, name, 0);
	}
	rmdir(making.path);
}

static void on_signal(int sig)
{
	clean_up();
	signal(sig, SIG_DFL);
	raise(sig);
}

void state_drop(void)
{
	if (!making.fd)
		return;
	remove_files(making.fd - 1);
	rmdir(making.path);
	making.path = NULL;
	making.fd = 0;
}

/*
 * Makes and locks a folder with a temporary name beside @path. Returns its descriptor, and the name
 * in *made.
 */
static int make_folder(const char *path, const char **made)
{
	for (int i = 0; i < TRIES; i++) {
		char *name = temporary_name(path);
		int fd;

		if (mkdir(name, 0700)) {
			if (errno == EEXIST)
				continue;
			die("%s: %s", path, strerror(errno));
		}
		/* fails if another process has already swept the unlocked folder: try again */
		fd = open_locked(name, true);
		if (fd >= 0) {
			*made = name;
			return fd;
		}
	}
	die("%s: cannot make a folder beside it", path);
}

/* Makes the unfinished folder of this process, whose final path will be @path. */
static struct state_new begin_at(const char *path, bool replace)
{
	static bool watched;
	struct state_new n = { .folder = path, .replace = replace };

	if (!watched) {
		watched = true;
		atexit(clean_up);
		on_ending_signals(on_signal);
	}
	n.fd = make_folder(path, &n.made);
	making.path = n.made;
	making.fd = n.fd + 1;
	return n;
}

/* Makes the store, unless it exists. */
static void make_store(void)
{
	const char *dir = state_store();

	make_dirs(parent_of(dir));
	if (mkdir(dir, 0700) && errno != EEXIST)
		die("%s: cannot make the folder: %s", dir, strerror(errno));
}

struct state_new state_begin(const char *name, bool replace)
{
	const char *path;
	struct stat st;

	if (!strchr(name, '/'))
		make_store();
	path = state_folder(name);
	state_sweep(parent_of(path));
	if (!lstat(path, &st)) {
		if (!replace)
			die("%s: there is one already; --force replaces it", name);
		int fd = state_lock(path, name, true);

		if (!is_state(fd))
			die("%s: not a state, so it is not replaced", name);
		close(fd);
	}
	return begin_at(path, replace);
}

struct state_new state_begin_at(const char *path)
{
	return begin_at(path, false);
}

struct state_new state_begin_unnamed(void)
{
	make_store();
	state_sweep(state_store());
	struct state_new n = begin_at(format("%s/clone", state_store()), false);

	n.unnamed = true;
	return n;
}

/* A file to sync to the disk. @err: the errno, or 0. */
struct sync {
	int fd, err;
	char name[NAME_MAX + 1];
	pthread_t thread;
	bool threaded;
};

static void *sync_file(void *arg)
{
	struct sync *s = arg;

	s->err = fsync(s->fd) ? errno : 0;
	return NULL;
}

/*
 * Syncs all files concurrently, so that the disk can serve all with one flush. Closes them. Dies if
 * one could not be synced.
 */
static void sync_all(struct sync *all, size_t n, const char *path)
{
	const char *fault = NULL;

	for (size_t i = 0; i < n; i++) {
		all[i].threaded =
			i + 1 < n && !pthread_create(&all[i].thread, NULL, sync_file, &all[i]);
		if (!all[i].threaded)
			sync_file(&all[i]);
	}
	for (size_t i = 0; i < n; i++) {
		if (all[i].threaded)
			pthread_join(all[i].thread, NULL);
		close(all[i].fd);
		if (all[i].err)
			fault = format("%s/%s: %s", path, all[i].name, strerror(all[i].err));
	}
	if (fault)
		die("%s", fault);
}

/* Syncs the files of the folder @fd at @path. */
static void sync_files(int fd, const char *path)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	struct sync all[SYNC_MAX];
	size_t n = 0;

	if (!d)
		die("%s: %s", path, strerror(errno));
	for (struct dirent *e; (e = readdir(d));) {
		struct sync *s = &all[n];

		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		snprintf(s->name, sizeof(s->name), "%s", e->d_name);
		s->fd = openat(fd, s->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		if (s->fd < 0 || fchmod(s->fd, 0600))
			die("%s/%s: %s", path, s->name, strerror(errno));
		if (++n < SYNC_MAX)
			continue;
		sync_all(all, n, path);
		n = 0;
	}
	sync_all(all, n, path);
	closedir(d);
}

/* ---- the name of a finished folder ---- */

/*
 * Invariant: signals are blocked from the renaming of a folder to its final name until `making`
 * forgets it. So clean_up() never empties a published state.
 */
static sigset_t block_signals(void)
{
	sigset_t all, before;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	return before;
}

/* Called when the folder has its final name. */
static void end_making(const sigset_t *before)
{
	making.path = NULL;
	making.fd = 0;
	sigprocmask(SIG_SETMASK, before, NULL);
}

/*
 * Replaces the old state on a file system without RENAME_EXCHANGE: renames it to @aside, then the
 * new state to n->folder. Returns 0, or an errno after the old state has got its name back.
 */
static int move_aside(const struct state_new *n, const char *aside)
{
	int err;

	if (rename(n->folder, aside))
		return errno;
	if (!rename(n->made, n->folder))
		return 0;
	err = errno;
	if (rename(aside, n->folder))
		die("%s: %s: the state from before is %s", n->folder, strerror(errno), aside);
	return err;
}

/* Replaces the state at n->folder. The old state gets a temporary name, and is removed. */
static void replace_state(struct state_new *n)
{
	int old = state_lock(n->folder, n->folder, true), err = 0;
	const char *aside = n->made;
	sigset_t before;

	if (!is_state(old))
		die("%s: not a state, so it is not replaced", n->folder);
	before = block_signals();
	if (renameat2(AT_FDCWD, n->made, AT_FDCWD, n->folder, RENAME_EXCHANGE)) {
		aside = temporary_name(n->folder);
		err = move_aside(n, aside);
	}
	if (err)
		die("%s: %s", n->folder, strerror(err));
	end_making(&before);
	remove_files(old);
	rmdir(aside);
	close(old);
}

/* Gives the new state its name, which no other has. */
static void name_state(struct state_new *n)
{
	sigset_t before = block_signals();
	struct stat st;

	if (renameat2(AT_FDCWD, n->made, AT_FDCWD, n->folder, RENAME_NOREPLACE)) {
		/* without RENAME_NOREPLACE, rename() fails if the other folder is not empty */
		if (errno == EEXIST || errno == ENOTEMPTY ||
			(rename(n->made, n->folder) && (errno == EEXIST || errno == ENOTEMPTY)))
			die("%s: there is one already; --force replaces it", n->folder);
		if (lstat(n->folder, &st) || lstat(n->made, &st) == 0)
			die("%s: cannot give it its name", n->folder);
	}
	end_making(&before);
}

void state_publish(struct state_new *n)
{
	struct stat st;

	sync_files(n->fd, n->made);
	if (n->seal != SEAL_NONE)
		state_seal(n->fd, n->folder, n->seal == SEAL_COPY);
	if (fsync(n->fd))
		die("%s: %s", n->made, strerror(errno));
	if (n->replace && !lstat(n->folder, &st))
		replace_state(n);
	else
		name_state(n);
	sync_folder(parent_of(n->folder));
	close(n->fd);
}

/* ---- names ---- */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char **state_names(size_t *count)
{
	DIR *d = opendir(state_store());
	char **names = NULL;
	size_t n = 0;

	if (!d && errno != ENOENT)
		die("%s: %s", state_store(), strerror(errno));
	for (struct dirent *e; d && (e = readdir(d));) {
		struct stat st;

		if (!is_name(e->d_name) ||
			lstat(format("%s/%s/" STATE_JSON, state_store(), e->d_name), &st))
			continue;
		names = realloc(names, (n + 1) * sizeof(*names));
		if (!names)
			die("out of memory");
		names[n++] = format("%s", e->d_name);
	}
	if (d)
		closedir(d);
	if (n)
		qsort(names, n, sizeof(*names), by_name);
	*count = n;
	return names;
}
