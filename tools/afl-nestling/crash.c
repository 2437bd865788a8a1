/* SPDX-License-Identifier: MIT */
/*
 * crash.c: stores inputs that break the guest itself. AFL stores them too, as crashes, but has no
 * place for the guest's log: input and log are written to a folder "nestling" beside AFL's other
 * findings.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/afl-nestling/afl.h"
#include "tools/nestctl/core/nestctl.h"

#define KEPT_MAX 1000

const char *crash_folder(void)
{
	char path[4096], *name;
	ssize_t n = readlink("/proc/self/fd/0", path, sizeof(path) - 1);

	path[n > 0 ? n : 0] = '\0';
	name = strstr(path, "/.cur_input");
	return name ? format("%.*s/nestling", (int)(name - path), path) : NULL;
}

/* FNV-1a, for file names: equal inputs get equal names. */
static uint64_t hash(const uint8_t *data, size_t len)
{
	uint64_t h = 0xcbf29ce484222325u;

	while (len--)
		h = (h ^ *data++) * 0x100000001b3u;
	return h;
}

/* Writes a new file. True on success. Callers ignore a failure, since AFL has the input too. */
static bool write_new(const char *path, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	const char *p = data;

	if (fd < 0)
		return false;
	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		p += n;
		len -= (size_t)n;
	}
	close(fd);
	if (len)
		unlink(path);
	return !len;
}

void crash_keep(const char *folder, const char *kind, const void *input, size_t len)
{
	static int kept;
	size_t log_len;
	const char *log = log_text(&log_len);
	char *path;

	if (!folder || kept >= KEPT_MAX || (mkdir(folder, 0700) && errno != EEXIST))
		return;
	path = format("%s/%s-%016llx", folder, kind, (unsigned long long)hash(input, len));
	if (write_new(path, input, len)) {
		char *log_path = format("%s.log", path);

		kept++;
		write_new(log_path, log, log_len);
		free(log_path);
	}
	free(path);
}
