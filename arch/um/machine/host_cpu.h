/* SPDX-License-Identifier: MIT */
/* host_cpu.h: the host's description of its CPUs, for /sys. */
#ifndef NESTLING_ARCH_UM_HOST_CPU_H
#define NESTLING_ARCH_UM_HOST_CPU_H

#include "kernel/lib/types.h"

/*
 * Reads the first line of the host's /sys/devices/system/cpu/@name, without its newline, cut to
 * @size bytes with a NUL. Returns its length or -errno. Blocks on the host.
 */
int arch_host_cpu(const char *name, char *buf, size_t size);

#endif
