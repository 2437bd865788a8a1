/* SPDX-License-Identifier: MIT */
/*
 * containerfile.h: a Containerfile as a list of instructions (docker's "Dockerfile reference").
 *
 *      struct containerfile f = containerfile_parse("Containerfile", text, size);
 *      for (size_t i = 0; i < f.nr; i++) ... f.list[i].verb, .flags, .text, .docs
 *
 * Variables are not expanded yet (words.h). Invalid text dies with a message that begins with the
 * file's name and the line's number. Results are never freed.
 */
#ifndef NESTLING_NESTCTL_CONTAINERFILE_H
#define NESTLING_NESTCTL_CONTAINERFILE_H

#include <stdbool.h>
#include <stddef.h>

#define CONTAINERFILE_MAX (1 << 20)

/* Verbs, each with the flags that it takes as a string. */
#define VERBS(ROW)                                                                                 \
	ROW(ADD, "chown chmod link")                                                               \
	ROW(ARG, "")                                                                               \
	ROW(CMD, "")                                                                               \
	ROW(COPY, "chown chmod from link")                                                         \
	ROW(ENTRYPOINT, "")                                                                        \
	ROW(ENV, "")                                                                               \
	ROW(EXPOSE, "")                                                                            \
	ROW(FROM, "platform")                                                                      \
	ROW(HEALTHCHECK, "interval timeout start-period start-interval retries")                   \
	ROW(LABEL, "")                                                                             \
	ROW(MAINTAINER, "")                                                                        \
	ROW(ONBUILD, "")                                                                           \
	ROW(RUN, "mount network security")                                                         \
	ROW(SHELL, "")                                                                             \
	ROW(STOPSIGNAL, "")                                                                        \
	ROW(USER, "")                                                                              \
	ROW(VOLUME, "")                                                                            \
	ROW(WORKDIR, "")

enum verb {
#define ROW(name, flags) VERB_##name,
	VERBS(ROW)
#undef ROW
};

struct flag {
	const char *name;
	/* NULL for a flag without a value */
	const char *value;
};

/* A heredoc, <<NAME: its name and its lines. */
struct heredoc {
	const char *name, *text;
	/* the name was quoted, so variables are not expanded */
	bool raw;
};

struct instruction {
	enum verb verb;
	const char *file; /* for messages */
	unsigned int line;
	struct flag *flags;
	size_t nr_flags;
	/* the text behind the flags, joined into one line */
	char *text;
	struct heredoc *docs;
	size_t nr_docs;
	/* the file's escape character: backslash or back-quote */
	char escape;
};

struct containerfile {
	struct instruction *list;
	size_t nr;
};

/* Parses @text, @size bytes that need not be terminated. @name, for messages, must stay valid. */
struct containerfile containerfile_parse(const char *name, const char *text, size_t size);
/*
 * Parses one instruction, as ONBUILD contains it. @file and @line are for messages; @file must stay
 * valid.
 */
struct instruction instruction_parse(
	const char *file, unsigned int line, const char *text, char escape);
/*
 * Returns a flag's value, of the last one if it was given several times. Returns "" for a flag
 * without a value, and NULL for a missing one.
 */
const char *instruction_flag(const struct instruction *i, const char *name);
/* Returns "RUN" and so on. */
const char *verb_name(enum verb verb);
/* Dies with a message that begins with the instruction's file and line. */
void instruction_bad(const struct instruction *i, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), noreturn));

#endif
