/* SPDX-License-Identifier: MIT */
/*
 * width.c: see width.h. nestctl is static and has no locale's tables: the ranges of wide and of
 * combining characters are those of Unicode 15's EastAsianWidth.txt (W, F) and general categories
 * (Mn, Me, Cf) that terminals agree on, joined over small gaps.
 */
#include "tools/nestctl/core/width.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tools/nestctl/core/json.h"

/* Characters from @first to @last. */
struct range {
	uint32_t first, last;
};

static const struct range wide[] = { { 0x1100, 0x115f }, { 0x2e80, 0x303e }, { 0x3041, 0xa4cf },
	{ 0xa960, 0xa97c }, { 0xac00, 0xd7a3 }, { 0xf900, 0xfaff }, { 0xfe30, 0xfe6f },
	{ 0xff00, 0xff60 }, { 0xffe0, 0xffe6 }, { 0x1f300, 0x1f64f }, { 0x1f680, 0x1f6ff },
	{ 0x1f900, 0x1f9ff }, { 0x20000, 0x3fffd } };
static const struct range combining[] = { { 0x0300, 0x036f }, { 0x0483, 0x0489 },
	{ 0x0591, 0x05bd }, { 0x0610, 0x061a }, { 0x064b, 0x065f }, { 0x1ab0, 0x1aff },
	{ 0x1dc0, 0x1dff }, { 0x200b, 0x200f }, { 0x202a, 0x202e }, { 0x2060, 0x2064 },
	{ 0x20d0, 0x20ff }, { 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f }, { 0xfeff, 0xfeff },
	{ 0xe0100, 0xe01ef } };

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static int is_in(const struct range *r, size_t n, uint32_t c)
{
	for (size_t i = 0; i < n; i++)
		if (c >= r[i].first && c <= r[i].last)
			return 1;
	return 0;
}

/* Returns the character of a valid sequence of @n bytes. */
static uint32_t decode(const unsigned char *s, int n)
{
	uint32_t c = n == 1 ? s[0] : n == 2 ? s[0] & 0x1f : n == 3 ? s[0] & 0xf : s[0] & 7;

	for (int i = 1; i < n; i++)
		c = c << 6 | (s[i] & 0x3f);
	return c;
}

/*
 * Returns the number of bytes of the character at @s, and its columns in *columns. *shown is false
 * for a character that must be printed as '?', which has one column: an invalid byte, a control
 * character, or a mark that changes the direction of text.
 */
static int next_character(const unsigned char *s, int *columns, int *shown)
{
	const int n = utf8_sequence(s);
	const uint32_t c = n ? decode(s, n) : 0;

	*columns = *shown = 1;
	if (!n || c < ' ' || (c >= 0x7f && c < 0xa0) || (c >= 0x202a && c <= 0x202e)) {
		*shown = 0;
		return n ? n : 1;
	}
	if (is_in(combining, COUNT(combining), c))
		*columns = 0;
	else if (is_in(wide, COUNT(wide), c))
		*columns = 2;
	return n;
}

int text_width(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	int all = 0, columns, shown;

	while (*s) {
		s += next_character(s, &columns, &shown);
		all += columns;
	}
	return all;
}

int put_cut(FILE *out, const char *text, int width)
{
	const unsigned char *s = (const unsigned char *)text;
	const int cut = text_width(text) > width;
	int all = 0, columns, shown;

	if (width <= 0)
		return 0;
	while (*s) {
		const int n = next_character(s, &columns, &shown);

		if (all + columns > width - cut)
			break;
		if (shown)
			fwrite(s, 1, (size_t)n, out);
		else
			putc('?', out);
		all += columns;
		s += n;
	}
	if (cut)
		fputs("…", out);
	return all + cut;
}

void put_padded(FILE *out, const char *text, int width)
{
	const int room = abs(width), n = text_width(text) < room ? text_width(text) : room;

	if (width < 0)
		fprintf(out, "%*s", room - n, "");
	const int put = put_cut(out, text, room);

	if (width > 0)
		fprintf(out, "%*s", room - put, "");
}

int terminal_columns(void)
{
	struct winsize ws;

	return isatty(1) && !ioctl(1, TIOCGWINSZ, &ws) ? ws.ws_col : 0;
}
