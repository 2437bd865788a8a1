/* SPDX-License-Identifier: MIT */
/*
 * elf_names.c: the functions of an ELF file (ELF-64, System V ABI), sorted by address. Files of a
 * guest are untrusted: every table has a limited size, every offset is checked.
 */
#include "tools/nestctl/watch/elf_names.h"

#include <elf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/nestctl/core/nestctl.h"

#define SECTIONS_MAX 4096
#define SEGMENTS_MAX 64
#define TABLE_MAX (64UL << 20)
#define NOTES_MAX 4096
#define BUILD_ID_MAX 64 /* bytes */
#define LINK_MAX 256

/* A function: its address by the file's headers, and its size in bytes. */
struct function {
	uint64_t start, size;
	const char *name;
};
struct elf_names {
	struct function *functions;
	size_t n;
	Elf64_Phdr segments[SEGMENTS_MAX];
	int nr_segments;
	bool whole; /* from .symtab, not .dynsym */
	char *build_id, *debug_link;
};

/*
 * Returns a piece of the file in new memory, with a zero byte after it, or NULL if it is
 * incomplete.
 */
static char *piece(elf_read_fn read, void *arg, uint64_t off, uint64_t size)
{
	char *p;
	size_t done = 0;

	if (!size || size > TABLE_MAX || off > (uint64_t)1 << 62)
		return NULL;
	p = xalloc(size + 1);
	while (done < size) {
		ssize_t n = read(arg, p + done, size - done, off + done);

		if (n <= 0) {
			free(p);
			return NULL;
		}
		done += (size_t)n;
	}
	return p;
}

/* Orders functions at one address as their names stand in the table of names. */
static int by_start(const void *a, const void *b)
{
	const struct function *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return (x->name > y->name) - (x->name < y->name);
}

/* Takes the functions from a symbol table. Their names point into @names. */
static void take_symbols(
	struct elf_names *e, const Elf64_Sym *s, size_t n, const char *names, size_t size)
{
	e->functions = xalloc((n + 1) * sizeof(*e->functions));
	for (size_t i = 0; i < n; i++) {
		int type = ELF64_ST_TYPE(s[i].st_info);

		if ((type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE) ||
			!s[i].st_value || !s[i].st_shndx || s[i].st_name >= size ||
			!names[s[i].st_name] || (type == STT_NOTYPE && names[s[i].st_name] == '$'))
			continue;
		e->functions[e->n++] =
			(struct function){ s[i].st_value, s[i].st_size, names + s[i].st_name };
	}
	qsort(e->functions, e->n, sizeof(*e->functions), by_start);
}

/* Reads a symbol table, and keeps it if it has functions. */
static void read_section(struct elf_names *e, elf_read_fn read, void *arg, const Elf64_Shdr *s,
	const Elf64_Shdr *strings)
{
	char *symbols = piece(read, arg, s->sh_offset, s->sh_size);
	char *names = symbols ? piece(read, arg, strings->sh_offset, strings->sh_size) : NULL;

	if (names)
		take_symbols(e, (Elf64_Sym *)symbols, s->sh_size / sizeof(Elf64_Sym), names,
			strings->sh_size);
	if (e->n)
		return;
	free(e->functions);
	free(symbols);
	free(names);
	e->functions = NULL;
}

/* Reads the name in .gnu_debuglink. */
static void read_link(struct elf_names *e, elf_read_fn read, void *arg, const Elf64_Shdr *s,
	size_t count, const Elf64_Shdr *names)
{
	static const char wanted[] = ".gnu_debuglink";
	char *text = piece(read, arg, names->sh_offset, names->sh_size);

	for (size_t i = 0; text && i < count && !e->debug_link; i++)
		if (s[i].sh_name < names->sh_size && !strcmp(text + s[i].sh_name, wanted) &&
			s[i].sh_size < LINK_MAX)
			e->debug_link = piece(read, arg, s[i].sh_offset, s[i].sh_size);
	free(text);
}

/*
 * Reads the first symbol table of each kind. A sound file has no more, and each of the thousands
 * that a hostile file could have would take time.
 */
static void read_symbols(struct elf_names *e, elf_read_fn read, void *arg, const Elf64_Ehdr *h)
{
	static const uint32_t kinds[] = { SHT_SYMTAB, SHT_DYNSYM };
	size_t count = h->e_shnum <= SECTIONS_MAX ? h->e_shnum : 0, at;
	Elf64_Shdr *s = NULL;

	if (h->e_shentsize == sizeof(*s))
		s = (Elf64_Shdr *)piece(read, arg, h->e_shoff, count * sizeof(*s));
	for (size_t k = 0; s && k < sizeof(kinds) / sizeof(kinds[0]) && !e->n; k++) {
		for (at = 0; at < count && s[at].sh_type != kinds[k]; at++)
			;
		if (at < count && s[at].sh_link < count)
			read_section(e, read, arg, &s[at], &s[s[at].sh_link]);
		e->whole = e->n && kinds[k] == SHT_SYMTAB;
	}
	if (s && h->e_shstrndx < count)
		read_link(e, read, arg, s, count, &s[h->e_shstrndx]);
	free(s);
}

/* Finds the build id in the notes of a segment. */
static void read_notes(struct elf_names *e, elf_read_fn read, void *arg, const Elf64_Phdr *s)
{
	size_t size = s->p_filesz < NOTES_MAX ? s->p_filesz : NOTES_MAX, at = 0;
	char *notes = piece(read, arg, s->p_offset, size);
	Elf64_Nhdr n;

	for (; notes && !e->build_id && size - at >= sizeof(n); at = (at + 3) & ~(size_t)3) {
		const unsigned char *id;

		memcpy(&n, notes + at, sizeof(n));
		at += sizeof(n);
		if (n.n_namesz > size - at || ((n.n_namesz + 3) & ~3U) > size - at)
			break;
		id = (const unsigned char *)notes + at + ((n.n_namesz + 3) & ~3U);
		if (n.n_descsz > size - (size_t)(id - (const unsigned char *)notes))
			break;
		if (n.n_type == NT_GNU_BUILD_ID && n.n_namesz == 4 &&
			!memcmp(notes + at, "GNU", 4) && n.n_descsz > 1 &&
			n.n_descsz <= BUILD_ID_MAX) {
			e->build_id = xalloc(2 * n.n_descsz + 1);
			for (size_t i = 0; i < n.n_descsz; i++)
				snprintf(e->build_id + 2 * i, 3, "%02x", id[i]);
		}
		at = (size_t)(id - (const unsigned char *)notes) + n.n_descsz;
		if (at + 3 > size)
			break;
	}
	free(notes);
}

struct elf_names *elf_names_read(elf_read_fn read, void *arg)
{
	struct elf_names *e = xalloc(sizeof(*e));
	Elf64_Ehdr *h = (Elf64_Ehdr *)piece(read, arg, 0, sizeof(*h));
	char *p;

	if (!h || memcmp(h->e_ident, ELFMAG, SELFMAG) || h->e_ident[EI_CLASS] != ELFCLASS64) {
		free(h);
		return e;
	}
	if (h->e_phnum <= SEGMENTS_MAX && h->e_phentsize == sizeof(Elf64_Phdr) &&
		(p = piece(read, arg, h->e_phoff, h->e_phnum * sizeof(Elf64_Phdr)))) {
		e->nr_segments = h->e_phnum;
		memcpy(e->segments, p, h->e_phnum * sizeof(Elf64_Phdr));
		free(p);
	}
	for (int i = 0; i < e->nr_segments; i++)
		if (e->segments[i].p_type == PT_NOTE && !e->build_id)
			read_notes(e, read, arg, &e->segments[i]);
	read_symbols(e, read, arg, h);
	free(h);
	return e;
}

const char *elf_names_build_id(const struct elf_names *e)
{
	return e->whole ? NULL : e->build_id;
}

const char *elf_names_debug_link(const struct elf_names *e)
{
	return e->whole || !e->debug_link || !*e->debug_link ? NULL : e->debug_link;
}

bool elf_names_take(struct elf_names *e, const struct elf_names *debug)
{
	if (!debug->whole)
		return false;
	e->functions = debug->functions;
	e->n = debug->n;
	e->whole = true;
	return true;
}

const char *elf_name(const struct elf_names *e, uint64_t at, int address)
{
	size_t low = 0, high = e->n;

	for (int i = 0; !address && i < e->nr_segments; i++) {
		const Elf64_Phdr *s = &e->segments[i];

		if (s->p_type == PT_LOAD && at - s->p_offset < s->p_filesz) {
			at = s->p_vaddr + (at - s->p_offset);
			break;
		}
	}
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (e->functions[mid].start <= at)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low)
		return NULL;
	/* functions in assembler may have no size */
	if (e->functions[low - 1].size &&
		at - e->functions[low - 1].start >= e->functions[low - 1].size)
		return NULL;
	return e->functions[low - 1].name;
}
