/* SPDX-License-Identifier: MIT */
/* store.c: the folders of kept instances, and their locks; see service.h. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/umid.h"
#include "tools/nestctl/service/events.h"
#include "tools/nestctl/service/service.h"

#define NAME_MAX_LEN 63
#define LOOK_MS 20
#define TAKEN "%s: there is an instance of this name; nestctl rm removes it"
#define STATE_FLAGS (O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)

static const char *services_dir(void)
{
	return data_dir("instances");
}

static bool is_name(const char *name)
{
	if (!isalnum((unsigned char)*name) || strlen(name) > NAME_MAX_LEN)
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && !strchr("_.-", *name))
			return false;
	return true;
}

void service_check_name(const char *name)
{
	if (!is_name(name))
		die("'%s' is not a name: letters, digits, then _ . - too, at most %d", name,
			NAME_MAX_LEN);
}

/* Fills @s without its spec. Returns false with errno if there is no such folder. */
static bool open_folder(struct service *s, const char *name)
{
	*s = (struct service){ .name = format("%s", name), .state = -1, .lock = -1 };
	s->folder = format("%s/%s", services_dir(), name);
	s->dir = open(s->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (s->dir >= 0)
		s->state = openat(s->dir, "state", STATE_FLAGS);
	return s->dir >= 0;
}

bool service_find(struct service *s, const char *name)
{
	if (!is_name(name) || !open_folder(s, name))
		return false;
	s->whole = spec_read(s);
	if (s->whole)
		return true;
	service_close(s);
	return false;
}

struct service service_open(const char *name)
{
	struct service s;

	if (!service_find(&s, name))
		die("%s: no instance of this name is kept; nestctl ps -a lists all", name);
	return s;
}

void service_close(struct service *s)
{
	close(s->dir);
	if (s->state >= 0)
		close(s->state);
	if (s->lock >= 0)
		close(s->lock);
	s->dir = s->state = s->lock = -1;
}

/* Opens the lock file, which is made if needed. Returns -1 with errno. */
static int open_lock(const struct service *s)
{
	return openat(s->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

/*
 * True if s->folder still names the open folder, which another process may have removed or renamed
 * before it was locked.
 */
static bool is_named(const struct service *s)
{
	struct stat here, there;

	return !fstat(s->dir, &here) && !stat(s->folder, &there) && here.st_dev == there.st_dev &&
	       here.st_ino == there.st_ino;
}

bool service_flock(int fd, int how)
{
	int err;

	do {
		err = flock(fd, how);
	} while (err && errno == EINTR);
	return !err;
}

/*
 * Locks the lock file exclusively. Returns false at once if another process has done so. A shared
 * lock of service_is_busy(), which lasts for an instant, is waited for. Only a process that has
 * locked the folder gets here, so no exclusive lock can come in between.
 */
static bool lock_file(const struct service *s)
{
	bool locked = service_flock(s->dir, LOCK_EX) && service_flock(s->lock, LOCK_SH | LOCK_NB) &&
		      service_flock(s->lock, LOCK_EX);

	flock(s->dir, LOCK_UN);
	return locked;
}

bool service_lock(struct service *s)
{
	if (s->lock >= 0)
		return true;
	s->lock = open_lock(s);
	if (s->lock >= 0 && lock_file(s) && is_named(s))
		return true;
	if (s->lock >= 0)
		close(s->lock);
	s->lock = -1;
	return false;
}

bool service_is_busy(const struct service *s)
{
	int fd = openat(s->dir, "lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool busy = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;

	if (fd >= 0)
		close(fd);
	return busy;
}

bool service_wait_end(const struct service *s, int ms)
{
	for (int left = ms; service_is_busy(s); left -= LOOK_MS) {
		if (ms >= 0 && left <= 0)
			return false;
		poll(NULL, 0, LOOK_MS);
	}
	return true;
}

void service_check_free(const char *name)
{
	for (int i = 0; i < 2; i++)
		if (umid_home(i) && umid_is_served(format("%s/%s", umid_home(i), name)))
			die("%s: an instance of this name runs", name);
}

struct service service_create(const char *name)
{
	struct service s;

	service_check_name(name);
	if (service_find(&s, name))
		die(TAKEN, name);
	service_check_free(name);
	make_dirs(services_dir());
	if (mkdir(format("%s/%s", services_dir(), name), 0700) && errno != EEXIST)
		die("%s/%s: %s", services_dir(), name, strerror(errno));
	if (!open_folder(&s, name))
		die("%s: %s", s.folder, strerror(errno));
	/* an unlocked folder without a spec was left by a killed nestctl: take it */
	if (!service_lock(&s) || !faccessat(s.dir, "spec", F_OK, 0))
		die(TAKEN, name);
	return s;
}

/*
 * Removes the spec first: without it the instance does not exist, even if this process is killed
 * before it has removed the other files.
 */
void service_remove(struct service *s)
{
	int fd = dup(s->dir);
	DIR *d;

	if (!unlinkat(s->dir, "spec", 0))
		event_service(s, "destroy", NULL, NULL);
	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		die("%s: %s", s->folder, strerror(errno));
	rewinddir(d);
	for (struct dirent *e; (e = readdir(d));)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			unlinkat(s->dir, e->d_name, 0);
	closedir(d);
	if (rmdir(s->folder) && errno != ENOENT)
		die("%s: %s", s->folder, strerror(errno));
}

void service_rename(struct service *s, const char *name)
{
	const char *folder = format("%s/%s", services_dir(), name), *old;

	service_check_name(name);
	/* NOREPLACE, since rename(2) would replace an empty folder */
	if (renameat2(AT_FDCWD, s->folder, AT_FDCWD, folder, RENAME_NOREPLACE))
		die("%s: %s", name,
			errno == EEXIST ? "there is an instance of this name" : strerror(errno));
	old = s->name;
	s->name = format("%s", name);
	s->folder = folder;
	event_service(s, "rename", "oldName", old);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct service *)a)->name, ((const struct service *)b)->name);
}

struct service *services_all(size_t *count)
{
	struct service *all = xalloc(sizeof(*all));
	DIR *d = opendir(services_dir());
	size_t n = 0;

	for (struct dirent *e; d && (e = readdir(d));) {
		all = realloc(all, (n + 2) * sizeof(*all));
		if (!all)
			die("out of memory");
		if (!service_find(&all[n], e->d_name))
			continue;
		/* close its descriptors, since a process may only have few */
		all[n].seen = service_state_read(&all[n]);
		service_close(&all[n++]);
	}
	if (d)
		closedir(d);
	qsort(all, n, sizeof(*all), by_name);
	*count = n;
	return all;
}

const char *service_new_name(void)
{
	unsigned char r[6];
	char *name = format("......");

	if (getrandom(r, sizeof(r), 0) != sizeof(r))
		die("getrandom: %s", strerror(errno));
	for (size_t i = 0; i < sizeof(r); i++)
		name[i] = (char)('a' + r[i] % 26);
	return name;
}
