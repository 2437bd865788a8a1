/* SPDX-License-Identifier: MIT */
/* colour.c: see colour.h. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/nestctl/core/colour.h"
#include "tools/nestctl/core/json.h"
#include "tools/nestctl/core/nestctl.h"

#define SIZES_KEPT 16

const char *colour(enum colour c)
{
	static const char *const codes[] = { "\033[0m", "\033[1m", "\033[2m", "\033[31m",
		"\033[33m", "\033[32m" };
	static int wanted = -1;
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (wanted < 0)
		wanted = isatty(1) && !(no && *no) && term && strcmp(term, "dumb");
	return wanted ? codes[c] : "";
}

void put_plain(FILE *out, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	while (*s) {
		int n = utf8_sequence(s);
		bool obeyed = (*s < ' ' && *s != '\t' && *s != '\n') || *s == 0x7f ||
			      (*s == 0xc2 && s[1] < 0xa0);

		if (n && !obeyed) {
			fwrite(s, 1, (size_t)n, out);
			s += n;
		} else {
			fprintf(out, "\\x%02x", *s++);
		}
	}
}

const char *size_text(double bytes)
{
	return format("%s%s", short_size(bytes), bytes >= 1000 ? "B" : "");
}

const char *short_size(double bytes)
{
	static const char units[] = "BKMGT";
	static char texts[SIZES_KEPT][16];
	static unsigned int next;
	char *text = texts[next++ % SIZES_KEPT];
	int i = 0;

	for (; bytes >= 1000 && units[i + 1]; i++)
		bytes /= 1024;
	snprintf(text, sizeof(texts[0]), bytes < 10 && i ? "%.1f%c" : "%.0f%c", bytes, units[i]);
	return text;
}
