/* SPDX-License-Identifier: MIT */
/*
 * site.h: for tests of system-call sites that a kernel may treat specially once they are hot. A
 * site is `mov $nr,%eax; syscall`, seven bytes. Here are sites in the program's own text (SITE),
 * sites written at run time (site_write) and the loop that makes a site hot. The treatment must be
 * invisible, so that these tests agree with the host, which has no hot sites.
 */
#ifndef TESTS_SYSCALL_SITE_H
#define TESTS_SYSCALL_SITE_H

#include "t.h"

#define HOT 3000 /* calls that make a site hot for sure */
#define NR(call) SYS_##call

/* Offsets in a function with a site, and its length: mov %rcx,%r10; mov $nr,%eax; syscall; ret. */
#define SITE_MOV 3
#define SITE_SYSCALL 8
#define SITE_AFTER 10
#define SITE_BYTES 11

typedef long site_fn(long a, long b, long c, long d, long e, long f);

/*
 * Defines a function with a site in the program's text; @nr is a number, as text of the assembler.
 */
#define SITE(name, nr)                                                                             \
	site_fn name;                                                                              \
	__asm__(".pushsection .text\n\t.balign 16\n\t.globl " #name "\n" #name ":\n\t"             \
		"mov %rcx, %r10\n\tmov $" #nr ", %eax\n\tsyscall\n\tret\n\t.popsection")

/* Writes such a function to @at, SITE_BYTES of writable memory. */
static T_UNUSED void site_write(void *at, uint32_t nr)
{
	static const uint8_t head[] = { 0x49, 0x89, 0xca, 0xb8 }, tail[] = { 0x0f, 0x05, 0xc3 };

	memcpy(at, head, sizeof(head));
	memcpy((char *)at + 4, &nr, 4);
	memcpy((char *)at + 8, tail, sizeof(tail));
}

/* Calls the function at @at without arguments. Returns the result or -errno. */
static T_UNUSED long site_call(void *at)
{
	return ((site_fn *)at)(0, 0, 0, 0, 0, 0);
}

/*
 * Calls a site that needs no arguments until it is hot. Returns how often the answer was not @want.
 */
static T_UNUSED long site_heat(void *at, long want)
{
	long i, bad = 0;

	for (i = 0; i < HOT; i++)
		bad += site_call(at) != want;
	return bad;
}

/* Returns a fresh page with these rights. */
static T_UNUSED void *site_page(int prot)
{
	void *p = mmap(NULL, PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	NEED(p == MAP_FAILED ? -1 : 0);
	return p;
}

#endif
