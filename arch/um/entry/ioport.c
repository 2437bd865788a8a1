/* SPDX-License-Identifier: MIT */
/*
 * ioport.c: ioperm(2), iopl(2), and the machine's I/O bus, which has no devices: a read gives all
 * ones, a write has no effect.
 *
 * The host does not let guest code access its ports, so in, out, ins and outs raise general
 * protection faults. If the thread may use the port, this file executes the instruction (Intel's
 * manual, volume 2: IN, INS, OUT, OUTS; volume 1, chapter 19: the bitmap). As in Linux, iopl(3)
 * allows all ports but not the interrupt flag: cli and sti then do nothing.
 *
 *	ioperm()	makes a bitmap of the thread when it first allows a port; a clear
 *	                bit allows the port
 *	clone, fork	share the bitmap until one thread changes it; exec keeps it
 *	ioport_trap()	called by entry.c for traps that are not already served; acts only on
 *	                general protection faults of 64-bit code
 *
 * Invariants:
 * 1. A bitmap with more than one owner is not written to.
 * 2. A task whose bitmap is NULL and whose level is below 3 may use no port.
 *
 * Deliberately missing: ports in 16 and 32-bit code (segments of an LDT), NT_386_IOPERM, /dev/port.
 *
 * Locks: none; a thread accesses its own bitmap.
 */
#include <asm/errno.h>
#include <asm/signal.h>
#include <linux/capability.h>

#include "arch/um/entry/insn.h"
#include "arch/um/internal.h"
#include "arch/um/entry/ioport.h"
#include "arch/um/machine/ports.h"
#include "arch/um/machine/uaccess.h"
#include "gen/syscalls.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"
#include "skas/skas.h"

#define LEVEL_ALL 3
/* bytes of a repeated instruction that one trap serves at most */
#define PIECE 256
/* error codes of page faults in user mode: of a read, of a write */
#define FAULT_READ 4
#define FAULT_WRITE 6

/* ---- the calls ---- */

static bool all_denied(const struct io_bitmap *b)
{
	for (u32 i = 0; i < sizeof(b->denied); i++)
		if (b->denied[i] != 0xff)
			return false;
	return true;
}

/*
 * Returns a bitmap that no other thread shares: a copy of the shared one, or a new one that allows
 * nothing. Returns NULL without memory.
 */
static struct io_bitmap *own_bitmap(struct arch_task *a)
{
	struct io_bitmap *old = a->ports, *b;

	if (old && atomic_read(&old->owners) == 1)
		return old;
	b = kmalloc(sizeof(*b), GFP_KERNEL | __GFP_ACCOUNT);
	if (!b)
		return NULL;
	if (old)
		memcpy(b->denied, old->denied, sizeof(b->denied));
	else
		memset(b->denied, 0xff, sizeof(b->denied));
	atomic_set(&b->owners, 1);
	ioport_put(old);
	a->ports = b;
	return b;
}

static void set_ports(struct io_bitmap *b, u32 from, u32 num, bool allow)
{
	for (u32 port = from; port < from + num; port++) {
		u8 bit = (u8)(1U << port % 8);

		if (allow)
			b->denied[port / 8] &= (u8)~bit;
		else
			b->denied[port / 8] |= bit;
	}
}

long sys_ioperm(u64 from, u64 num, int on)
{
	struct arch_task *a = &current->arch;
	struct io_bitmap *b;
	u64 end;

	if (check_add_overflow(from, num, &end) || !num || end > NR_PORTS)
		return -EINVAL;
	if (on && !capable(CAP_SYS_RAWIO))
		return -EPERM;
	if (!on && !a->ports)
		return 0;
	b = own_bitmap(a);
	if (!b)
		return -ENOMEM;
	set_ports(b, (u32)from, (u32)num, on);
	if (all_denied(b)) {
		a->ports = NULL;
		ioport_put(b);
	}
	return 0;
}

long sys_iopl(u32 level)
{
	struct arch_task *a = &current->arch;

	if (level > LEVEL_ALL)
		return -EINVAL;
	if (level > a->iopl && !capable(CAP_SYS_RAWIO))
		return -EPERM;
	a->iopl = (u8)level;
	return 0;
}

/* True if all @size ports from @port on exist and may be used. */
static bool may_use(const struct arch_task *a, u32 port, u32 size)
{
	if (port + size > NR_PORTS)
		return false;
	if (a->iopl == LEVEL_ALL)
		return true;
	if (!a->ports)
		return false;
	for (u32 p = port; p < port + size; p++)
		if (a->ports->denied[p / 8] & 1U << p % 8)
			return false;
	return true;
}

/* ---- instructions ---- */

struct port_insn {
	u8 opcode, immediate;
	u8 len;  /* of the whole instruction */
	u8 size; /* bytes of the port: 1, 2, 4 */
	/* prefix 0x64 or 0x65; 0: no prefix that counts in 64-bit code */
	u8 segment;
	bool word;   /* the prefix of 16-bit operands */
	bool addr32; /* addresses and the count have 32 bits */
	bool rep;
};

/* Consumes a prefix; returns false if @b is no prefix. */
static bool take_prefix(struct port_insn *in, u8 b)
{
	switch (b) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e: return true;
	case 0x64:
	case 0x65: in->segment = b; return true;
	case 0x66: in->word = true; return true;
	case 0x67: in->addr32 = true; return true;
	case 0xf2:
	case 0xf3: in->rep = true; return true;
	}
	return false;
}

/* True for 6c to 6f, e4 to e7 and ec to ef. Their lowest bit is 0 for bytes, 1 for words. */
static bool is_port_opcode(u8 b)
{
	return (b & 0xfc) == 0x6c || (b & 0xf4) == 0xe4;
}

static bool is_string(const struct port_insn *in)
{
	return in->opcode < 0x80;
}

static bool is_out(const struct port_insn *in)
{
	return in->opcode & 2;
}

/*
 * Decodes an instruction. A REX prefix counts only directly before the opcode. Of its bits only W
 * matters: it makes 0x66 ineffective. Returns false if @code, @n bytes, is no port instruction.
 */
static bool decode(struct port_insn *in, const u8 *code, u32 n)
{
	u32 at = 0;
	bool wide = false;

	*in = (struct port_insn){ 0 };
	while (at < n && take_prefix(in, code[at]))
		at++;
	if (at < n && (code[at] & 0xf0) == 0x40)
		wide = code[at++] & 8;
	if (at == n || !is_port_opcode(code[at]))
		return false;
	in->opcode = code[at++];
	in->size = !(in->opcode & 1) ? 1 : in->word && !wide ? 2 : 4;
	if (in->opcode >= 0xe4 && in->opcode <= 0xe7) {
		if (at == n)
			return false;
		in->immediate = code[at++];
	}
	in->len = (u8)at;
	return true;
}

static u32 port_of(const struct port_insn *in, const struct regs *r)
{
	return in->opcode >= 0xe4 && in->opcode <= 0xe7 ? in->immediate : (u16)r->rdx;
}

/* Sets the lower bytes of rax to ones; with four of them the upper half is cleared. */
static void in_rax(struct regs *r, u32 size)
{
	u64 ones = size == 4 ? 0xffffffff : size == 2 ? 0xffff : 0xff;

	r->rax = size == 4 ? ones : r->rax | ones;
}

/* ---- string instructions ---- */

static u64 cut(u64 v, const struct port_insn *in)
{
	return in->addr32 ? (u32)v : v;
}

/*
 * Returns how many bytes at @addr are served at once: at most PIECE, and none beyond the page.
 * Returns the size of one element if the element crosses into the next page, and if the instruction
 * runs backward (DF) or is single-stepped (TF).
 */
static u32 piece(const struct port_insn *in, const struct regs *r, u64 addr)
{
	u64 count = in->rep ? cut(r->rcx, in) : 1;
	u64 room = min(PAGE_SIZE - addr % PAGE_SIZE, (u64)PIECE);

	if (r->eflags & (EFLAGS_DF | EFLAGS_TF) || room < in->size)
		return in->size;
	return (u32)(min(count, room / in->size) * in->size);
}

/*
 * Fills memory with ones (ins), or reads and discards it (outs). Returns the number of bytes that
 * could not be accessed.
 */
static size_t move(const struct port_insn *in, u64 addr, u32 bytes)
{
	u8 buf[PIECE];

	if (is_out(in))
		return copy_from_user(buf, UADDR(addr), bytes);
	memset(buf, 0xff, bytes);
	return copy_to_user(UADDR(addr), buf, bytes);
}

/* Advances the index register and the count by @bytes, and rip when nothing is left. */
static void advance(const struct port_insn *in, struct regs *r, u64 *index, u32 bytes)
{
	*index = cut(r->eflags & EFLAGS_DF ? *index - bytes : *index + bytes, in);
	if (in->rep)
		r->rcx = cut(cut(r->rcx, in) - bytes / in->size, in);
	if (!in->rep || !r->rcx)
		r->rip += in->len;
}

static u64 base_of(const struct port_insn *in, const struct regs *r)
{
	if (!is_out(in)) /* the segment of ins is always es */
		return 0;
	return in->segment == 0x64 ? r->fs_base : in->segment == 0x65 ? r->gs_base : 0;
}

static enum port_result string_insn(
	const struct port_insn *in, struct regs *r, struct skas_event *fault)
{
	u64 *index = is_out(in) ? &r->rsi : &r->rdi;
	u64 addr = base_of(in, r) + cut(*index, in);
	u32 bytes;
	size_t left;

	if (in->rep && !cut(r->rcx, in)) {
		r->rip += in->len;
		return PORT_DONE;
	}
	/*
	 * a non-canonical address raises a general protection fault, which is the trap being served
	 */
	if ((s64)(addr << 16) >> 16 != (s64)addr)
		return PORT_NOT;
	bytes = piece(in, r, addr);
	left = move(in, addr, bytes);
	if (left) {
		*fault = (struct skas_event){ .type = EV_FAULT,
			.addr = addr + (bytes - left),
			.error = is_out(in) ? FAULT_READ : FAULT_WRITE };
		bytes = (u32)((bytes - left) / in->size * in->size);
	}
	if (bytes)
		advance(in, r, index, bytes);
	return left ? PORT_FAULT : PORT_DONE;
}

/* ---- the trap ---- */

/*
 * Skips cli and sti of a thread with iopl level 3, if no prefix precedes them, as Linux does.
 * Returns false for other threads and instructions.
 */
static bool interrupt_flag(struct arch_task *a, const u8 *code, u32 n)
{
	if (a->iopl != LEVEL_ALL || !n || (code[0] != 0xfa && code[0] != 0xfb))
		return false;
	a->regs.rip++;
	return true;
}

static enum port_result execute(
	struct arch_task *a, const u8 *code, u32 n, struct skas_event *fault)
{
	struct regs *r = &a->regs;
	struct port_insn in;

	if (interrupt_flag(a, code, n))
		return PORT_DONE;
	if (!decode(&in, code, n) || !may_use(a, port_of(&in, r), in.size))
		return PORT_NOT;
	if (is_string(&in))
		return string_insn(&in, r, fault);
	if (!is_out(&in))
		in_rax(r, in.size);
	r->rip += in.len;
	return PORT_DONE;
}

enum port_result ioport_trap(struct task *t, const struct skas_event *ev, struct skas_event *fault)
{
	struct arch_task *a = &t->arch;
	enum port_result res;
	u8 code[INSN_MAX];

	if (likely(!a->ports && a->iopl != LEVEL_ALL))
		return PORT_NOT;
	if (ev->signo != SIGSEGV || ev->trapno != TRAPNO_GP || a->regs.cs != USER_CS)
		return PORT_NOT;
	res = execute(a, code, insn_read(a->regs.rip, code), fault);
	if (res == PORT_DONE)
		insn_stepped(t);
	return res;
}
