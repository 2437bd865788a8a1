/* SPDX-License-Identifier: MIT */
/*
 * resolv.c: /etc/resolv.conf, which init replaces in the instance's layer. In a build step the
 * layer must contain only what the command has written, so the agent (tools/nestctl/build/agent)
 * restores the image's file afterwards, even a symbolic link, and the mtime of /etc.
 *
 *	resolv_begin()		init: moves the image's file aside, or notes that there is none
 *	resolv_write()		init: replaces the file
 *	resolv_written()	init: notes the mtime of /etc after init's file was written
 *	resolv_replace()	init: replaces init's lines, when a card is at another network
 *	resolv_take_note()	agent: reads and removes the note, before the command runs
 *	resolv_restore()	agent: puts the image's file back
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/init/job.h"

#define NEW "/etc/.resolv.conf.new"
#define ASIDE "/etc/.resolv.conf.nestling"
/* A file in memory with "WAS NS IS NS": mtimes of /etc before and after init's file was written. */
#define NOTE "/dev/shm/.resolv"

/* /etc's mtime before and after the file was replaced; whether that was noted */
static struct timespec was, is;
static bool noted;

static struct timespec time_of_etc(void)
{
	struct stat st;

	return stat("/etc", &st) ? (struct timespec){ 0 } : st.st_mtim;
}

void resolv_begin(void)
{
	was = time_of_etc();
	rename(RESOLV_CONF, ASIDE);
	noted = true;
}

void resolv_written(void)
{
	FILE *f = noted ? fopen(NOTE, "we") : NULL;

	is = time_of_etc();
	if (!f)
		return;
	fprintf(f, "%ld %ld %ld %ld\n", (long)was.tv_sec, was.tv_nsec, (long)is.tv_sec, is.tv_nsec);
	fclose(f);
}

void resolv_take_note(void)
{
	FILE *f = fopen(NOTE, "re");
	long t[4];

	if (!f)
		return;
	noted = fscanf(f, "%ld %ld %ld %ld", &t[0], &t[1], &t[2], &t[3]) == 4;
	fclose(f);
	unlink(NOTE);
	was = (struct timespec){ t[0], t[1] };
	is = (struct timespec){ t[2], t[3] };
}

void resolv_restore(void)
{
	const struct timespec now = time_of_etc();
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, was };

	if (!noted)
		return;
	if (rename(ASIDE, RESOLV_CONF) && errno == ENOENT)
		unlink(RESOLV_CONF);
	/* If the command has changed no name in /etc, restore its mtime. */
	if (now.tv_sec == is.tv_sec && now.tv_nsec == is.tv_nsec)
		utimensat(AT_FDCWD, "/etc", times, 0);
}

/* The file is replaced at once, since a resolver may be reading it. */
bool resolv_write(const char *text)
{
	FILE *f = fopen(NEW, "we");
	bool good = f && fputs(text, f) >= 0;
	int err;

	good = f && !fclose(f) && good && !rename(NEW, RESOLV_CONF);
	err = errno;
	if (f && !good)
		unlink(NEW);
	errno = err;
	return good;
}

void resolv_replace(const char *from, const char *to)
{
	static char text[2 * RESOLV_MAX], new[sizeof(text) + RESOLV_MAX];
	FILE *f = fopen(RESOLV_CONF, "re");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
	const bool whole = f && !ferror(f) && n < sizeof(text) - 1;
	char *at;

	text[n] = '\0';
	if (f)
		fclose(f);
	if (!*from)
		resolv_write(to);
	at = *from && whole ? strstr(text, from) : NULL;
	if (!at)
		return;
	*at = '\0';
	snprintf(new, sizeof(new), "%s%s%s", text, to, at + strlen(from));
	resolv_write(new);
}
