/* SPDX-License-Identifier: MIT */
/*
 * path.c: names of files in calls of the kernel process, as absolute paths that are compared as
 * text (files.c).
 */
#include "os-linux/jail/broker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* begins the name of a memory file that stands for a folder; the folder's path follows */
#define STAND_IN "nestling-folder:"
#define STAND_IN_MAX 249 /* memfd_create(2) */

/* Removes "//", "/./" and a trailing "/" from an absolute path. Returns false if it has a "..". */
static bool tidy(char *path)
{
	char *to = path, *from = path;

	while (*from) {
		size_t n = strcspn(from, "/");

		if (n == 2 && !strncmp(from, "..", 2))
			return false;
		if (n && !(n == 1 && *from == '.')) {
			*to++ = '/';
			memmove(to, from, n);
			to += n;
		}
		from += n;
		from += strspn(from, "/");
	}
	if (to == path)
		*to++ = '/';
	*to = 0;
	return true;
}

/*
 * Replaces "/proc/self" and "/proc/thread-self" by the folders of the kernel process and of its
 * thread @thread. Makes a path empty that would become too long.
 */
static void name_self(char *path, size_t size, int thread)
{
	static const char self[] = "/proc/self", of_thread[] = "/proc/thread-self";
	bool is_thread = !strncmp(path, of_thread, strlen(of_thread));
	size_t n = strlen(is_thread ? of_thread : self);
	char rest[ASK_TEXT], task[32] = "";

	if ((!is_thread && strncmp(path, self, n)) || (path[n] && path[n] != '/'))
		return;
	if (is_thread)
		snprintf(task, sizeof(task), "/task/%d", thread);
	snprintf(rest, sizeof(rest), "%s", path + n);
	if (snprintf(path, size, "/proc/%d%s%s", (int)broker.kernel, task, rest) >= (int)size)
		*path = 0;
}

/*
 * Reads the path of the folder behind descriptor @number of the kernel process, or of the folder
 * that the descriptor stands for (path_stand_in()). Returns its length, or -1.
 */
static ssize_t read_folder(int number, char *path, size_t size)
{
	static const char begin[] = "/memfd:" STAND_IN, end[] = " (deleted)";
	char link[64];
	ssize_t n, skip = sizeof(begin) - 1, cut = sizeof(end) - 1;

	snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)broker.kernel, number);
	n = readlink(link, path, size - 1);
	if (n <= 0 || *path != '/')
		return -1;
	path[n] = 0;
	if (n > skip + cut && !strncmp(path, begin, (size_t)skip) && !strcmp(path + n - cut, end)) {
		n -= skip + cut;
		memmove(path, path + skip, (size_t)n);
		path[n] = 0;
	}
	return *path == '/' ? n : -1;
}

int path_stand_in(const char *path)
{
	char name[ASK_TEXT + sizeof(STAND_IN)];

	snprintf(name, sizeof(name), "%s%s", STAND_IN, path);
	if (strlen(name) > STAND_IN_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return memfd_create(name, MFD_CLOEXEC);
}

/*
 * Replaces "/proc/PID/fd/N" at the start of a name by the folder that this descriptor of the kernel
 * process has open. Returns false if that is impossible.
 */
static bool name_folder(char *path, size_t size)
{
	char rest[ASK_TEXT];
	int pid, number, end = 0;
	ssize_t n;

	if (sscanf(path, "/proc/%d/fd/%d%n", &pid, &number, &end) != 2 || path[end] != '/' ||
		pid != broker.kernel)
		return true;
	snprintf(rest, sizeof(rest), "%s", path + end);
	n = read_folder(number, path, size);
	if (n < 0 || (size_t)n + strlen(rest) >= size)
		return false;
	strcpy(path + n, rest);
	return true;
}

bool path_absolute(char *path, size_t size, int thread, int dir, const char *name)
{
	ssize_t n = 0;

	/* one more "/" in front, so that tidy() never writes ahead of its reading */
	if (*name == '/') {
		n = snprintf(path, size, "/%s", name);
	} else if (dir == AT_FDCWD) {
		n = snprintf(path, size, "/%s/%s", broker.cwd, name);
	} else {
		n = read_folder(dir, path + 1, size - 1);
		if (n < 0 || (size_t)n >= size - 2)
			return false;
		path[0] = '/';
		n = 1 + n + snprintf(path + 1 + n, size - 1 - (size_t)n, "/%s", name);
	}
	if (n < 0 || (size_t)n >= size || !tidy(path))
		return false;
	name_self(path, size, thread);
	return *path && name_folder(path, size);
}
