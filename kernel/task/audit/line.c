/* SPDX-License-Identifier: MIT */
/*
 * line.c: builds the lines of line.h.
 *
 * Invariants:
 * 1. Between the quotes of a text are only the characters from space to '~' without '"' and '\',
 *    valid sequences of UTF-8 above U+009F, and escapes. Bytes that are no UTF-8 become U+FFFD.
 * 2. A line is never longer than AUDIT_LINE: a text that does not fit ends early, at a character,
 *    and leaves room for the end of the line.
 *
 * Locks: none.
 */
#include "kernel/task/audit/line.h"

#include "kernel/lib/alloc.h"
#include "kernel/lib/string.h"

/*
 * Bytes reserved for the end of a line: the end of a list, "cut":true, the brace, and a number with
 * its key.
 */
#define TAIL 96
/* Bytes of a text's comma, the quotes and colon of its key, and its own quotes. */
#define FRAME 6

const struct audit_ops *audit_ops;

static void put(struct audit *a, const char *s, size_t n)
{
	if (n > AUDIT_LINE - a->at)
		return; /* does not happen: TAIL has room */
	memcpy(a->line + a->at, s, n);
	a->at += (u32)n;
}

static void put_key(struct audit *a, const char *key)
{
	char last = a->line[a->at - 1];

	if (last != '[')
		put(a, ",", 1);
	if (!key)
		return;
	put(a, "\"", 1);
	put(a, key, strlen(key));
	put(a, "\":", 2);
}

bool audit_begin(struct audit *a, const char *event)
{
	a->line = kmalloc(AUDIT_LINE, GFP_KERNEL);
	a->at = 0;
	a->cut = false;
	if (!a->line) {
		audit_ops->lose();
		return false;
	}
	put(a, "\"event\":\"", 9);
	put(a, event, strlen(event));
	put(a, "\"", 1);
	return true;
}

void audit_number(struct audit *a, const char *key, s64 n)
{
	char text[24];

	put_key(a, key);
	put(a, text, (size_t)scnprintf(text, sizeof(text), "%ld", (long)n));
}

/*
 * Returns the length in bytes of the UTF-8 sequence at @s, or 0 if it is invalid (RFC 3629, section
 * 4).
 */
static u32 sequence(const u8 *s, size_t n)
{
	u32 len = *s < 0x80 ? 1 : *s >= 0xf0 ? 4 : *s >= 0xe0 ? 3 : 2;

	if (*s >= 0x80 && (*s < 0xc2 || *s > 0xf4))
		return 0;
	if (len > n)
		return 0;
	for (u32 i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] > 0x9f) ||
		(*s == 0xf0 && s[1] < 0x90) || (*s == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

/*
 * Writes the character at @s, which has @len bytes (0: invalid), or its escape. Returns the number
 * of bytes written.
 */
static u32 escape(char to[8], const u8 *s, u32 len)
{
	if (!len)
		return (u32)scnprintf(to, 8, "\\ufffd");
	if (*s == '"' || *s == '\\')
		return (u32)scnprintf(to, 8, "\\%c", *s);
	/* control characters; the C1 control characters of terminals have two bytes in UTF-8 */
	if (*s < 0x20 || *s == 0x7f)
		return (u32)scnprintf(to, 8, "\\u%04x", *s);
	if (*s == 0xc2 && s[1] < 0xa0)
		return (u32)scnprintf(to, 8, "\\u%04x", s[1]);
	memcpy(to, s, len);
	return len;
}

bool audit_text(struct audit *a, const char *key, const char *s, size_t n, u32 most)
{
	const u8 *from = (const u8 *)s, *end = from + n;
	u32 limit, frame = (u32)(key ? strlen(key) : 0) + FRAME;

	if (a->at + frame > AUDIT_LINE - TAIL) {
		a->cut = true;
		return false;
	}
	put_key(a, key);
	put(a, "\"", 1);
	limit = min(a->at + most, (u32)AUDIT_LINE - TAIL);
	while (from < end) {
		u32 len = sequence(from, (size_t)(end - from)), bytes;
		char to[8];

		bytes = escape(to, from, len);
		if (a->at + bytes > limit) {
			a->cut = true;
			break;
		}
		put(a, to, bytes);
		from += len ? len : 1;
	}
	put(a, "\"", 1);
	return from == end;
}

void audit_list(struct audit *a, const char *key)
{
	put_key(a, key);
	put(a, "[", 1);
}

void audit_list_end(struct audit *a)
{
	put(a, "]", 1);
}

void audit_cut(struct audit *a)
{
	a->cut = true;
}

void audit_end(struct audit *a)
{
	if (a->cut)
		put(a, ",\"cut\":true", 11);
	put(a, "}", 1);
	audit_ops->add(a->line, a->at);
	kfree(a->line);
}
