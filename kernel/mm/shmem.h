/* SPDX-License-Identifier: MIT */
/* shmem.h: shared memory without a file's name: anonymous mappings, memfd (kernel/fs/tmpfs). */
#ifndef NESTLING_MM_SHMEM_H
#define NESTLING_MM_SHMEM_H

#include "kernel/lib/types.h"

struct file;

/*
 * Makes a nameless file of tmpfs of @size bytes, for shared anonymous memory and memfd. May sleep.
 * Returns a reference to the file, or ERR_PTR(-errno): -ENOSYS before tmpfs has registered.
 */
struct file *shmem_file_setup(const char *name, loff_t size);
/* The operation behind shmem_file_setup(); kernel/fs/tmpfs registers it. */
struct shmem_ops {
	struct file *(*file_setup)(const char *name, loff_t size);
};
extern const struct shmem_ops *shmem_ops;

#endif
