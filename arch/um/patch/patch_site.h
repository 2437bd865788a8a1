/* SPDX-License-Identifier: MIT */
/*
 * patch_site.h: decides which call sites can be patched, and how. The functions have no side
 * effects (tests/unit/patch_site.c).
 *
 *	SITE_MOV    mov $nr,%eax; syscall     the five bytes of the mov become jmp rel32; the
 *	                                      syscall stays as it is
 *	SITE_NEXT   syscall; INSN             the syscall and the first three bytes of INSN become
 *	                                      jmp rel32, whose second displacement byte is no
 *	                                      instruction: a jump to INSN raises SIGILL
 *
 * INSN is one of a few position-independent instructions with which C libraries, musl and Go
 * process a result.
 */
#ifndef NESTLING_PATCH_SITE_H
#define NESTLING_PATCH_SITE_H

#include "kernel/lib/types.h"
#include "skas/skas.h"

enum site_form { SITE_NONE, SITE_MOV, SITE_NEXT };

struct site_shape {
	enum site_form form;
	u32 start;    /* offset of the jump in the page */
	u32 insn_len; /* SITE_NEXT: length of INSN */
};

#define JMP_LEN 5
#define SYSCALL_LEN 2
#define MOV_LEN 5
#define INSN_MAX 6

/*
 * Finds the shape of the site whose `syscall`, at offset @off of @page (4096 bytes), has just been
 * executed with number @nr. Reads nothing outside of the page.
 */
struct site_shape site_recognise(const u8 *page, u32 off, u64 nr);

/* True if a jump of SITE_NEXT may have this displacement. */
bool site_displacement_ok(s32 rel);

/* A thunk: its code at +0, its record at +THUNK_RECORD. */
#define THUNK_SIZE 64
#define THUNK_RECORD 40

struct thunk {
	u8 code[THUNK_RECORD];
	struct skas_thunk record;
};

/*
 * Writes the thunk at address @at for the site whose `syscall` is at @site. @entry is the address
 * of a word that holds the trampoline's address; @insn has the insn_len bytes of INSN.
 */
void thunk_write(struct thunk *t, u64 at, u64 site, const struct site_shape *s, const u8 *insn,
	u32 nr, u64 entry);

/*
 * Returns the program's own address for a thread that was stopped at offset @off of the thunk of
 * the site at @site. A thread in a thunk has not begun the call yet.
 */
u64 thunk_unwind(u64 site, const struct site_shape *s, u32 off);
/* Returns the offset of the copy of INSN in the thunk (SITE_NEXT). */
u32 thunk_insn(const struct site_shape *s);

#endif
