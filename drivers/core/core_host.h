/* SPDX-License-Identifier: MIT */
/* core_host.h: dumps a core of the kernel's process. */
#ifndef NESTLING_CORE_HOST_H
#define NESTLING_CORE_HOST_H

#include <stdint.h>

/*
 * Called while the kernel starts, if core_host_dump() may be called later: by then the process may
 * be jailed (os-linux/jail), and can no longer prepare the core.
 */
void core_host_prepare(void);
/*
 * Includes the @len bytes (whole pages) at @addr in the core. Files that os_mem_map() has mapped
 * are left out, except for the parts that this function includes.
 */
void core_host_take(void *addr, uint64_t len);
/*
 * Ends the process by SIGABRT of the calling thread, after the functions of os_at_exit(). If @files
 * is not 0, the core also includes shared mappings of files, but a jailed process ignores @files.
 * Does not return. It has no noreturn attribute, since back-traces need the caller's return
 * address.
 */
void core_host_dump(int files);

#endif
