/* SPDX-License-Identifier: MIT */
/* log.c: stores the last bytes of the guest's console, to which the guest kernel logs. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/afl-nestling/afl.h"

#define LOG_MAX (256 * 1024)

static char ring[LOG_MAX], text[LOG_MAX + 1];
/* Number of bytes stored since the last log_clear(). */
static size_t all;
static bool shown;

void log_show(void)
{
	shown = true;
}

void log_clear(void)
{
	all = 0;
}

void log_read(int fd)
{
	char buf[4096];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0 || (n < 0 && errno == EINTR)) {
		for (ssize_t i = 0; i < n; i++)
			if (buf[i] != '\r')
				ring[all++ % LOG_MAX] = buf[i];
		if (shown && n > 0 && write(2, buf, (size_t)n) < 0)
			shown = false;
	}
}

const char *log_text(size_t *len)
{
	size_t n = all < LOG_MAX ? all : LOG_MAX, from = all - n;

	for (size_t i = 0; i < n; i++)
		text[i] = ring[(from + i) % LOG_MAX];
	text[n] = '\0';
	*len = n;
	return text;
}

const char *log_reason(void)
{
	static char line[256];
	size_t len;
	const char *p = strstr(log_text(&len), "Kernel panic");

	if (!p)
		return NULL;
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(p, "\n"), p);
	return line;
}
