/* SPDX-License-Identifier: MIT */
/* elf_names.h: names of functions by their place in an ELF file, read through a callback. */
#ifndef NESTLING_NESTCTL_ELF_NAMES_H
#define NESTLING_NESTCTL_ELF_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Reads bytes of the file at an offset. Returns how many, 0 at the end, -1 on an error. */
typedef ssize_t (*elf_read_fn)(void *arg, void *buf, size_t n, uint64_t off);

struct elf_names;
/* Reads .symtab, else .dynsym. Never NULL: a file that is not ELF, or is damaged, has no names. */
struct elf_names *elf_names_read(elf_read_fn read, void *arg);
/*
 * What the file says of another one with its symbols, or NULL: the build id in hex, and the name
 * of .gnu_debuglink. NULL also if it has a .symtab itself.
 */
const char *elf_names_build_id(const struct elf_names *e);
const char *elf_names_debug_link(const struct elf_names *e);
/* Takes the functions of @e's file from @debug, which must stay. Returns false if it has none. */
bool elf_names_take(struct elf_names *e, const struct elf_names *debug);
/* Returns the function at an offset in the file (@address false) or at its own address, or NULL. */
const char *elf_name(const struct elf_names *e, uint64_t at, int address);

#endif
