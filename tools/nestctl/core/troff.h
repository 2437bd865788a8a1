/* SPDX-License-Identifier: MIT */
/* troff.h: parts of manual pages, on standard output. */
#ifndef NESTLING_NESTCTL_TROFF_H
#define NESTLING_NESTCTL_TROFF_H

struct option_row;

/* Prints a line of text, with what troff would interpret escaped. */
void troff_line(const char *text);
/* Prints paragraphs as command.h describes them. */
void troff_paragraphs(const char *text);
/* Prints an option, unless its help is NULL, as that of an old spelling. */
void troff_option(const struct option_row *o);

#endif
