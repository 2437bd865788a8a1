/* SPDX-License-Identifier: MIT */
/* docker.h: what docker's commands are called here (docker.c). */
#ifndef NESTLING_NESTCTL_DOCKER_H
#define NESTLING_NESTCTL_DOCKER_H

/* A command or option of docker's: what it is here, NULL if it is not there, and what differs. */
struct docker_row {
	const char *docker, *here, *differs;
};

/* end in a row of NULL */
extern const struct docker_row docker_verbs[], docker_options[];

/* Returns "docker's VERB is here: ...", or NULL if that is no command of docker's. */
const char *docker_verb(const char *verb);

/*
 * Returns what docker's option @word of run is here, or why it is not there; NULL if that is no
 * option of docker's, or nothing is to be said.
 */
const char *docker_option(const char *word);

#endif
