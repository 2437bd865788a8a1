/* SPDX-License-Identifier: MIT */
/* docker.h: the names that docker's commands and options have in nestctl (docker.c). */
#ifndef NESTLING_NESTCTL_DOCKER_H
#define NESTLING_NESTCTL_DOCKER_H

#include <stdbool.h>

/* True if @text, a value of --platform, is the platform of all images here. */
bool platform_is_own(const char *text);

/*
 * A command or option of docker's. @docker: docker's name. @here: the name in nestctl, or NULL if
 * nestctl lacks it. @differs: how nestctl's differs, or "".
 */
struct docker_row {
	const char *docker, *here, *differs;
};

/* Tables that end in a row of NULL. */
extern const struct docker_row docker_verbs[], docker_options[], docker_build_options[];

/*
 * Returns a message about docker's command @verb, which names nestctl's command or reports that
 * there is none. Returns NULL if docker has no such command. Texts of these functions are never
 * freed.
 */
const char *docker_verb(const char *verb);

/*
 * Returns a message about @word, an option of `docker run` with its dashes: nestctl's name for it,
 * or the reason why nestctl lacks it. Returns NULL if docker has no such option, or if no message
 * is needed.
 */
const char *docker_option(const char *word);
/* Returns a message about @word, an option of `docker build`, as docker_option() does. */
const char *docker_build_option(const char *word);

#endif
