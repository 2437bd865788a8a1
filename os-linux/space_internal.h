/* SPDX-License-Identifier: MIT */
/* space_internal.h: between the files space*.c. */
#ifndef NESTLING_OS_SPACE_INTERNAL_H
#define NESTLING_OS_SPACE_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

pid_t os_space_pid(int task);
uint64_t *os_space_delay_seen(int task); /* of os_space_stolen() */
bool os_space_ordinary(void);            /* the zygote's scheduling policy is the usual one */
pid_t os_space_zygote(void);             /* 0: there is none */
void os_space_set_traced(int task);      /* we see its death first, as its tracer */
void os_space_note_oom_kills(void);      /* kills until now are not ours; space_died.c */

#endif
