/* SPDX-License-Identifier: MIT */
/* docker.h: what nestctl calls docker's commands and options (docker.c). */
#ifndef NESTLING_NESTCTL_DOCKER_H
#define NESTLING_NESTCTL_DOCKER_H

/*
 * A command or option of docker's: its name in nestctl (NULL if nestctl lacks it), and how
 * nestctl's differs.
 */
struct docker_row {
	const char *docker, *here, *differs;
};

/* Tables that end in a row of NULL. */
extern const struct docker_row docker_verbs[], docker_options[];

/* Returns a message that names nestctl's form of docker's @verb, or NULL if docker has none. */
const char *docker_verb(const char *verb);

/*
 * Returns nestctl's word for @word, an option of `docker run`, or the reason why nestctl lacks it.
 * Returns NULL if docker has no such option, or if no message is needed.
 */
const char *docker_option(const char *word);

#endif
