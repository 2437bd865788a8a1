/* SPDX-License-Identifier: MIT */
/* elf_names.h: finds names of functions in an ELF file, which is read through a callback. */
#ifndef NESTLING_NESTCTL_ELF_NAMES_H
#define NESTLING_NESTCTL_ELF_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Reads bytes of the file at an offset. Returns their number, 0 at the end, -1 on an error. */
typedef ssize_t (*elf_read_fn)(void *arg, void *buf, size_t n, uint64_t off);

struct elf_names;
/*
 * Reads .symtab, or .dynsym if there is none, by calls of @read(@arg, ...), none of which is made
 * later. Never returns NULL: a file that is damaged or not ELF has no names. The result is never
 * freed.
 */
struct elf_names *elf_names_read(elf_read_fn read, void *arg);
/*
 * For a stripped file, return what identifies the file with its symbols: the build id in hex, or
 * the name in .gnu_debuglink. Return NULL if there is none, or if the file itself has a .symtab.
 */
const char *elf_names_build_id(const struct elf_names *e);
const char *elf_names_debug_link(const struct elf_names *e);
/*
 * Makes @e use the functions of @debug, which must stay in memory. Returns false if @debug
 * has no .symtab.
 */
bool elf_names_take(struct elf_names *e, const struct elf_names *debug);
/*
 * Returns the name of the function at @at, or NULL. @at: an offset in the file if @address is 0,
 * else an address by the file's headers.
 */
const char *elf_name(const struct elf_names *e, uint64_t at, int address);

#endif
