/* SPDX-License-Identifier: MIT */
/* docker.h: what docker's commands are called here (docker.c). */
#ifndef NESTLING_NESTCTL_DOCKER_H
#define NESTLING_NESTCTL_DOCKER_H

/* Returns "docker's VERB is here: ...", or NULL if that is no command of docker's. */
const char *docker_verb(const char *verb);

#endif
