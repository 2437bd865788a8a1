/* SPDX-License-Identifier: MIT */
/* progress.c: see progress.h. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/nestctl/core/progress.h"

#define BAR 40

static bool shown;

/* True if the bar is due: it appears after a second, and changes five times a second. */
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

void progress(const char *what, uint64_t done, uint64_t total)
{
	double part = done < total ? (double)done / (double)total : 1;
	char bar[BAR + 1];

	what = strrchr(what, '/') ? strrchr(what, '/') + 1 : what;
	if (!isatty(2) || !is_time())
		return;
	memset(bar, '.', BAR);
	memset(bar, '#', (size_t)(part * BAR));
	bar[BAR] = 0;
	fprintf(stderr, "\r%.24s [%s] %3d %%", what, bar, (int)(part * 100));
	shown = true;
}

void progress_count(const char *what, uint64_t files, uint64_t bytes)
{
	if (!isatty(2) || !is_time())
		return;
	fprintf(stderr, "\r%s: %llu files, %llu MiB", what, (unsigned long long)files,
		(unsigned long long)bytes >> 20);
	shown = true;
}

void progress_end(void)
{
	if (shown)
		fprintf(stderr, "\r%*s\r", 78, "");
	shown = false;
}
