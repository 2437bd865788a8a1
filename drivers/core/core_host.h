/* SPDX-License-Identifier: MIT */
/* core_host.h: a core of the kernel's process. */
#ifndef NESTLING_CORE_HOST_H
#define NESTLING_CORE_HOST_H

#include <stdint.h>

/* Called at the start, if core_host_dump() may be called once the process is jailed. */
void core_host_prepare(void);
/* Puts this memory into the core. What os_mem_map() has mapped is left out otherwise. */
void core_host_take(void *addr, uint64_t len);
/*
 * Ends the process by SIGABRT of the calling thread, after the functions of os_at_exit(). @files:
 * includes mappings of files.
 */
/* does not return, though back-traces want a caller that has more to do */
void core_host_dump(int files);

#endif
