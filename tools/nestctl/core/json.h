/* SPDX-License-Identifier: MIT */
/*
 * json.h: JSON on standard output, for --json.
 *
 *      json_open(NULL, '['); json_open(NULL, '{'); json_text("name", s); json_number("size", n);
 *      json_close('}'); json_close(']');
 */
#ifndef NESTLING_NESTCTL_JSON_H
#define NESTLING_NESTCTL_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Directs the following output to @f, which the caller still owns. NULL: to standard output again.
 */
void json_to(FILE *f);
/* Indents values on standard output by @spaces a level, each on a line of its own. 0: one line. */
void json_indent(int spaces);
/*
 * Begin a list or object and end it; @bracket is the character to print. Commas are added
 * automatically, and the outermost close ends the line. A value within a list has @key NULL, in all
 * functions below.
 */
void json_open(const char *key, char bracket);
void json_close(char bracket);
/*
 * Returns the length of the UTF-8 sequence at @s (1 to 4), or 0 if it is invalid. @s is terminated.
 */
int utf8_sequence(const unsigned char *s);
/* Writes a string. NULL becomes null. Invalid UTF-8 becomes U+FFFD. */
void json_text(const char *key, const char *text);
void json_number(const char *key, int64_t n);
/* Writes a number with three decimals. */
void json_real(const char *key, double x);
void json_bool(const char *key, bool b);

#endif
