/* SPDX-License-Identifier: MIT */
/* progress.c: see progress.h. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "tools/nestctl/core/colour.h"
#include "tools/nestctl/core/progress.h"
#include "tools/nestctl/core/width.h"

#define BAR 40
#define NAME 24
#define OTHERS 10 /* width of " ", " [" and "] 100 %" */

/* the line is visible; progress_off() was called */
static bool shown, off;

/* True if the line must be drawn now: first after a second, then up to five times a second. */
static bool is_time(void)
{
	static double begun, last;
	struct timespec t;
	double now;

	clock_gettime(CLOCK_MONOTONIC, &t);
	now = (double)t.tv_sec + (double)t.tv_nsec / 1e9;
	if (begun == 0)
		begun = now;
	if (now - begun < 1 || now - last < 0.2)
		return false;
	last = now;
	return true;
}

/* Returns the columns of the terminal on standard error, less one so that no line is wrapped. */
static int room(void)
{
	struct winsize ws;

	return !ioctl(2, TIOCGWINSZ, &ws) && ws.ws_col ? ws.ws_col - 1 : 79;
}

void progress_off(void)
{
	off = true;
}

void progress(const char *verb, const char *path, uint64_t done, uint64_t total)
{
	const double part = done < total ? (double)done / (double)total : 1;
	const char *name = path && strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	int left, length;

	if (off || !isatty(2) || !is_time())
		return;
	left = room() - text_width(verb) - OTHERS;
	length = left / 2 < BAR ? left / 2 : BAR;
	length = length > 0 ? length : 0;
	fprintf(stderr, "\r%s ", verb);
	if (name && left > length)
		put_padded(stderr, name, left - length < NAME ? left - length : NAME);
	fputs(" [", stderr);
	for (int i = 0; i < length; i++)
		putc(i < (int)(part * length) ? '#' : '.', stderr);
	fprintf(stderr, "] %3d %%\033[K", (int)(part * 100));
	shown = true;
}

void progress_count(const char *what, uint64_t files, uint64_t bytes)
{
	if (off || !isatty(2) || !is_time())
		return;
	fprintf(stderr, "\r%s: %llu files, %s\033[K", what, (unsigned long long)files,
		size_text((double)bytes));
	shown = true;
}

void progress_end(void)
{
	if (shown)
		fputs("\r\033[K", stderr);
	shown = false;
}
