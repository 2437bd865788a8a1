/* SPDX-License-Identifier: MIT */
/*
 * kernel_log.c: `nestctl logs --kernel`: prints the kernel log, which the management console's
 * "dmesg" returns (drivers/mconsole/dmesg.c).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/nestctl/core/colour.h"
#include "tools/nestctl/core/instance.h"
#include "tools/nestctl/core/json.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/umid.h"
#include "tools/nestctl/watch/kernel_log.h"

#define FOLLOW_MS 200

struct logs {
	bool json, follow;
	/* number of the next record */
	unsigned long long next;
};

static enum colour colour_of(int level)
{
	return level <= 3 ? COLOUR_RED :
	       level == 4 ? COLOUR_YELLOW :
	       level == 5 ? COLOUR_BOLD :
			    COLOUR_NONE;
}

static void print_record(const struct logs *l, int level, unsigned long long seq,
	unsigned long long us, const char *text)
{
	if (l->json) {
		json_open(NULL, '{');
		json_number("seq", (int64_t)seq);
		json_number("level", level);
		json_number("usec", (int64_t)us);
		json_text("text", text);
		json_close('}');
		return;
	}
	printf("%s[%5llu.%06llu]%s %s", colour(COLOUR_GREEN), us / 1000000, us % 1000000,
		colour(COLOUR_NONE), colour(colour_of(level)));
	put_plain(stdout, text);
	puts(colour(COLOUR_NONE));
}

/* Prints lines of the form "LEVEL SEQ USEC TEXT". */
static void print_all(struct logs *l, char *text)
{
	for (char *line; (line = strsep(&text, "\n"));) {
		unsigned long long seq, us;
		int level, at = 0;

		if (sscanf(line, "%d %llu %llu%n", &level, &seq, &us, &at) != 3 || !at)
			continue;
		print_record(l, level, seq, us, line + at + (line[at] == ' '));
		l->next = seq + 1;
	}
	fflush(stdout);
}

int kernel_log(const char *name, bool follow, bool json)
{
	const struct timespec pause = { 0, FOLLOW_MS * 1000000L };
	struct logs l = { .json = json, .follow = follow };
	struct instance in = instance_find(name);
	struct umid_console c;
	char *text;
	size_t len;
	int err;

	umid_connect(&c, in.folder);
	do {
		text = umid_ask(&c, format("dmesg %llu", l.next), &err, &len);
		if (!text && l.follow && l.next)
			return 0; /* the instance has ended */
		if (!text)
			die("%s: no answer", in.name);
		if (err)
			die("%s: %s", in.name, text);
		print_all(&l, text);
		free(text);
	} while (l.follow && !nanosleep(&pause, NULL) && !ferror(stdout));
	return 0;
}
