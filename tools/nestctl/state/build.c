/* SPDX-License-Identifier: MIT */
/*
 * build.c: the build id of a program, a note in which the linker has put a hash of its content.
 * Only the very program that has saved a state can continue from it.
 */
#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/state/state.h"

#define NOTES_MAX 65536
#define PARTS_MAX 64

static const char *hexadecimal(const uint8_t *p, size_t n)
{
	char *text = xalloc(2 * n + 1);

	for (size_t i = 0; i < n; i++) {
		text[2 * i] = "0123456789abcdef"[p[i] >> 4];
		text[2 * i + 1] = "0123456789abcdef"[p[i] & 15];
	}
	return text;
}

/* Returns the build id from notes of @size bytes, or NULL. */
static const char *find_note(const uint8_t *p, size_t size)
{
	while (size >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr h;
		size_t name, desc;

		memcpy(&h, p, sizeof(h));
		name = ((size_t)h.n_namesz + 3) & ~(size_t)3;
		desc = ((size_t)h.n_descsz + 3) & ~(size_t)3;
		if (name + desc > size - sizeof(h))
			return NULL;
		p += sizeof(h);
		if (h.n_type == NT_GNU_BUILD_ID && h.n_namesz == 4 && !memcmp(p, "GNU", 4) &&
			h.n_descsz && h.n_descsz <= 64)
			return hexadecimal(p + name, h.n_descsz);
		p += name + desc;
		size -= sizeof(h) + name + desc;
	}
	return NULL;
}

/* Returns the build id in the segment @part, or NULL. */
static const char *read_notes(int fd, const Elf64_Phdr *part)
{
	uint8_t *notes;
	const char *id = NULL;

	if (part->p_type != PT_NOTE || part->p_filesz > NOTES_MAX)
		return NULL;
	notes = xalloc(part->p_filesz + 1);
	if (pread(fd, notes, part->p_filesz, (off_t)part->p_offset) == (ssize_t)part->p_filesz)
		id = find_note(notes, part->p_filesz);
	free(notes);
	return id;
}

const char *build_id_of(const char *program)
{
	int fd = open(program, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	Elf64_Phdr parts[PARTS_MAX];
	const char *id = NULL;
	Elf64_Ehdr e;
	size_t n;

	if (fd < 0)
		return NULL;
	if (pread(fd, &e, sizeof(e), 0) == sizeof(e) && !memcmp(e.e_ident, ELFMAG, SELFMAG) &&
		e.e_ident[EI_CLASS] == ELFCLASS64 && e.e_phentsize == sizeof(parts[0]) &&
		e.e_phnum <= PARTS_MAX) {
		n = e.e_phnum * sizeof(parts[0]);
		if (pread(fd, parts, n, (off_t)e.e_phoff) == (ssize_t)n)
			for (size_t i = 0; !id && i < e.e_phnum; i++)
				id = read_notes(fd, &parts[i]);
	}
	close(fd);
	return id;
}
