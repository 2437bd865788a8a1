/* SPDX-License-Identifier: MIT */
/* core_host.h: dumps a core of the kernel's process. */
#ifndef NESTLING_CORE_HOST_H
#define NESTLING_CORE_HOST_H

#include <stdint.h>

/* Called at the start if core_host_dump() may be called after the process is jailed. */
void core_host_prepare(void);
/*
 * Includes this memory (whole pages) in the core. Other files mapped by os_mem_map() are left out.
 */
void core_host_take(void *addr, uint64_t len);
/*
 * Ends the process by SIGABRT of the calling thread, after the functions of os_at_exit(). @files:
 * includes mappings of files. Does not return. It has no noreturn attribute, since back-traces need
 * the caller's return address.
 */
void core_host_dump(int files);

#endif
