/* SPDX-License-Identifier: MIT */
/*
 * patch_site.c: shapes of call sites, and thunks. See patch_site.h.
 *
 * SITE_NEXT is safe because `syscall` was executed, so it and what follows it are instructions, and
 * the site's five bytes contain one instruction boundary, behind the `syscall`. There the jump has
 * a byte that is no instruction.
 *
 * SITE_MOV needs to know that the five bytes before the `syscall` are an instruction and not the
 * end of another one. They are b8 and four bytes with the number that rax holds. A longer
 * instruction that ends with them would have b8 as
 *	- its ModRM (disp32 follows): memory at rax+number. It was executed with rax = number, so it
 *	  would have faulted, except for those that do not touch memory: lea, prefetch and nop;
 *	- its opcode, with a prefix that changes the register: mov $number,%r8d;
 *	- its SIB with disp32, or the last byte before an imm32: SIB, disp8, disp32; or inside an
 *	  imm64 or a 64-bit address.
 * If the bytes before them allow one of these, the shape is refused.
 *
 *	thunk of SITE_MOV                      thunk of SITE_NEXT
 *	 0  mov $nr,%eax                        0  lea record(%rip),%r11
 *	 5  lea record(%rip),%r11               7  jmp *entry(%rip)
 *	12  jmp *entry(%rip)                   13  syscall (for a gs base of the guest's own)
 *	18  syscall                            15  INSN
 *	20  jmp behind the site                ..  jmp behind INSN
 */
#include "arch/um/patch/patch_site.h"

#include "kernel/lib/string.h"

#define MOV_EAX 0xb8
#define JMP_REL32 0xe9
#define LOOK_BACK 6 /* bytes checked before the mov */

#define MOV_SYSCALL 18
#define MOV_BEHIND 20
#define NEXT_SYSCALL 13
#define NEXT_INSN 15

/* ---- shapes ---- */

static bool takes_imm32(u8 opcode)
{
	return opcode == 0xc7 || opcode == 0x81 || opcode == 0x69 || opcode == 0xf7;
}

static u8 mod(u8 modrm)
{
	return modrm >> 6;
}

static bool has_sib(u8 modrm)
{
	return (modrm & 7) == 4;
}

/* True if b8 at @p may be the last byte before an imm32. */
static bool ends_operand(const u8 *p)
{
	if (takes_imm32(p[-2]) && mod(p[-1]) == 1 && !has_sib(p[-1])) /* disp8 */
		return true;
	if (takes_imm32(p[-3]) && mod(p[-2]) == 1 && has_sib(p[-2])) /* disp8 behind SIB */
		return true;
	if (takes_imm32(p[-2]) && has_sib(p[-1]) && mod(p[-1]) == 0) /* SIB */
		return true;
	if (takes_imm32(p[-5]) && mod(p[-4]) != 3 && !has_sib(p[-4])) /* disp32 */
		return true;
	return takes_imm32(p[-6]) && mod(p[-5]) != 3 && has_sib(p[-5]); /* disp32 behind SIB */
}

/* True if the bytes before @p may form one instruction with the bytes at @p. */
static bool may_be_an_end(const u8 *p)
{
	u8 before = p[-1];

	if ((before & 0xf0) == 0x40 && before & 1) /* REX.B: another register */
		return true;
	if (before == 0x8d || before == 0x0d || (before >= 0x18 && before <= 0x1f) ||
		before == 0x0f)
		return true;                     /* lea; 0f 0d, 0f 18 to 0f 1f; 0f b8 */
	if (has_sib(before) && mod(before) == 2) /* SIB with disp32 */
		return true;
	if ((p[-4] & 0xfc) == 0xa0 || (p[-4] & 0xf8) == 0xb8) /* 64-bit address or immediate */
		return true;
	return ends_operand(p);
}

static bool is_mov(const u8 *page, u32 off, u64 nr)
{
	u32 imm;

	if (off < MOV_LEN + LOOK_BACK || page[off - MOV_LEN] != MOV_EAX)
		return false;
	memcpy(&imm, page + off - 4, sizeof(imm));
	return imm == nr && !may_be_an_end(page + off - MOV_LEN);
}

/*
 * Returns the length of the instruction at @p if it may be moved and has at least three bytes, or
 * 0. Reads at most INSN_MAX bytes.
 */
static u32 movable(const u8 *p)
{
	bool wide = (p[0] & 0xf8) == 0x48; /* REX.W */

	if (p[0] == 0x48 && p[1] == 0x3d) /* cmp $imm32,%rax */
		return 6;
	if (p[0] == 0x3d) /* cmp $imm32,%eax */
		return 5;
	if (p[0] == 0x48 && p[1] == 0x83 && p[2] == 0xf8) /* cmp $imm8,%rax */
		return 4;
	if (p[0] == 0x83 && p[1] == 0xf8) /* cmp $imm8,%eax */
		return 3;
	if (wide && (p[1] == 0x89 || p[1] == 0x85) &&
		mod(p[2]) == 3) /* mov or test between registers */
		return 3;
	return 0;
}

struct site_shape site_recognise(const u8 *page, u32 off, u64 nr)
{
	struct site_shape s = { .form = SITE_NONE };

	if (off + SYSCALL_LEN > PAGE_SIZE || page[off] != 0x0f || page[off + 1] != 0x05)
		return s;
	if (is_mov(page, off, nr))
		return (struct site_shape){ .form = SITE_MOV, .start = off - MOV_LEN };
	if (off + SYSCALL_LEN + INSN_MAX > PAGE_SIZE)
		return s;
	s.insn_len = movable(page + off + SYSCALL_LEN);
	s.start = off;
	if (s.insn_len)
		s.form = SITE_NEXT;
	return s;
}

/* True if the byte raises #UD in 64-bit mode on every CPU, whatever follows. */
static bool is_no_instruction(u8 b)
{
	static const u8 none[] = { 0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e, 0x1f, 0x27, 0x2f, 0x37, 0x3f,
		0x60, 0x61, 0x82, 0xce, 0xd4, 0xea };

	for (u32 i = 0; i < sizeof(none); i++)
		if (none[i] == b)
			return true;
	return false;
}

bool site_displacement_ok(s32 rel)
{
	return is_no_instruction((u8)((u32)rel >> 8));
}

/* ---- thunks ---- */

static u8 *put_bytes(u8 *p, const void *bytes, u32 n)
{
	memcpy(p, bytes, n);
	return p + n;
}

static u8 *put_opcode(u8 *p, const char *bytes, u32 n, s64 operand)
{
	s32 v = (s32)operand;

	return put_bytes(put_bytes(p, bytes, n), &v, sizeof(v));
}

void thunk_write(struct thunk *t, u64 at, u64 site, const struct site_shape *s, const u8 *insn,
	u32 nr, u64 entry)
{
	u64 behind = site + SYSCALL_LEN + s->insn_len;
	u8 *p = t->code;

#define HERE (at + (u64)(p - t->code))
	memset(t, 0xcc, sizeof(*t));
	if (s->form == SITE_MOV)
		p = put_opcode(p, "\xb8", 1, nr);
	p = put_opcode(p, "\x4c\x8d\x1d", 3, (s64)(at + THUNK_RECORD - (HERE + 7)));
	p = put_opcode(p, "\xff\x25", 2, (s64)(entry - (HERE + 6)));
	t->record.real_syscall = HERE;
	p = put_bytes(p, "\x0f\x05", SYSCALL_LEN);
	t->record.resume = s->form == SITE_MOV ? behind : HERE;
	p = put_bytes(p, insn, s->insn_len);
	put_opcode(p, "\xe9", 1, (s64)(behind - (HERE + JMP_LEN)));
#undef HERE
	t->record.ret = site + SYSCALL_LEN;
}

u32 thunk_insn(const struct site_shape *s)
{
	return NEXT_INSN;
}

u64 thunk_unwind(u64 site, const struct site_shape *s, u32 off)
{
	if (s->form == SITE_MOV)
		return off < MOV_SYSCALL ? site - MOV_LEN :
		       off < MOV_BEHIND  ? site :
					   site + SYSCALL_LEN;
	if (off <= NEXT_SYSCALL)
		return site;
	return off == NEXT_INSN ? site + SYSCALL_LEN : site + SYSCALL_LEN + s->insn_len;
}
