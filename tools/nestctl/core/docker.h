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
 * Returns nestctl's word for docker's option @word of run, or the reason why it is missing; NULL if
 * docker has no such option, or no message is needed.
 */
const char *docker_option(const char *word);

#endif
