/* SPDX-License-Identifier: MIT */
/*
 * patch_site.h: decides which call sites can be patched, and how. The functions write nothing but
 * their results and take no lock (tests/unit/patch_site.c).
 *
 *	SITE_MOV    mov $nr,%eax; syscall     the five bytes of the mov become jmp rel32; the
 *	                                      syscall stays as it is
 *	SITE_NEXT   syscall; INSN             the syscall and the first three bytes of INSN become
 *	                                      jmp rel32. Its second displacement byte, which is
 *	                                      where INSN began, is an invalid opcode: a jump to
 *	                                      INSN raises SIGILL
 *
 * The jmp leads to the site's thunk, which jumps to the trampoline in the stub, at
 * skas_patch_entry(). INSN is one of a few position-independent instructions with which glibc, musl
 * and Go process the result of a call.
 */
#ifndef NESTLING_PATCH_SITE_H
#define NESTLING_PATCH_SITE_H

#include "kernel/lib/types.h"
#include "skas/skas.h"

enum site_form { SITE_NONE, SITE_MOV, SITE_NEXT };

struct site_shape {
	enum site_form form;
	u32 start;    /* offset of the jump in the page */
	u32 insn_len; /* SITE_NEXT: bytes of INSN; else 0 */
};

#define JMP_LEN 5
#define SYSCALL_LEN 2
#define MOV_LEN 5
#define INSN_MAX 6

/*
 * Finds the shape of the site whose `syscall`, at offset @off of @page (4096 bytes), has just been
 * executed with number @nr. Reads nothing outside of the page. Returns SITE_NONE as the form if the
 * site cannot be patched.
 */
struct site_shape site_recognise(const u8 *page, u32 off, u64 nr);

/* True if a jump of SITE_NEXT may have this displacement. */
bool site_displacement_ok(s32 rel);

/*
 * The code of one patched site: loads the address of the record, jumps to the trampoline, and holds
 * copies of the instructions that the jmp has overwritten. patch_site.c lists it. Sizes in bytes.
 */
#define THUNK_SIZE 64
#define THUNK_RECORD 40

struct thunk {
	u8 code[THUNK_RECORD];
	struct skas_thunk record;
};

/*
 * Writes to *@t the thunk that the guest sees at address @at, for the site whose `syscall` is at
 * address @site. @nr: the call's number, for SITE_MOV. @entry: the guest address of a word that
 * holds the trampoline's address. @insn: the insn_len bytes of INSN.
 */
void thunk_write(struct thunk *t, u64 at, u64 site, const struct site_shape *s, const u8 *insn,
	u32 nr, u64 entry);

/*
 * Returns the address in the program's own code at which a thread is that was stopped at offset
 * @off of a thunk. @site: address of the site's `syscall`. Up to the thunk's own `syscall` the call
 * has not begun, and the address is that of the mov or the `syscall`. Behind it the call is over.
 */
u64 thunk_unwind(u64 site, const struct site_shape *s, u32 off);
/* Returns the offset of the copy of INSN in the thunk (SITE_NEXT). */
u32 thunk_insn(const struct site_shape *s);

#endif
