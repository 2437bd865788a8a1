/* SPDX-License-Identifier: MIT */
/* core_host.h: a core of the kernel's process. */
#ifndef NESTLING_CORE_HOST_H
#define NESTLING_CORE_HOST_H

#include <stdint.h>

/* This part of the process's memory is to be in it: what os_mem_map() has mapped is not, otherwise. */
void core_host_take(void *addr, uint64_t len);
/* The process ends by SIGABRT, the calling thread's; what os_at_exit() was told is done before. @files: mappings of files, too. */
void core_host_dump(
	int files); /* does not return, though back-traces want a caller that has more to do */

#endif
