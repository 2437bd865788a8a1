/* SPDX-License-Identifier: MIT */
/*
 * filter.c: assembles a filter from a table of calls: that of the kernel process, and that of
 * nestctl switch.
 *
 *    each row     tests the number, then for each check the masked argument. If all hold: RET.
 *                 Otherwise loads the number again, for the next row.
 *    the end      RET with the action for calls without a row
 *
 * The host remembers the calls that are admitted by their number alone, and does not run the
 * program for them (Linux 5.11 and later). So rows with checks come first, the most frequent of
 * them before the others.
 */
#include "os-linux/jail/jail.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdbool.h>

#define FIELD(name) ((uint32_t)offsetof(struct seccomp_data, name))

struct program {
	struct sock_filter *insn;
	int len;
};

static int emit(struct program *p, uint16_t code, uint8_t jt, uint8_t jf, uint32_t k)
{
	if (p->len < JAIL_FILTER_MAX)
		p->insn[p->len] = (struct sock_filter){ code, jt, jf, k };
	return p->len++;
}

static void load(struct program *p, uint32_t offset)
{
	emit(p, BPF_LD | BPF_W | BPF_ABS, 0, 0, offset);
}

static uint32_t number_of(uint32_t value, const struct jail_numbers *numbers)
{
	return value == JAIL_SELF    ? numbers->self :
	       value == JAIL_PACKETS ? numbers->packets :
				       value;
}

/*
 * Emits a check, which continues if it holds. Returns the index of the jump for the other case,
 * whose distance is set later.
 */
static int emit_check(
	struct program *p, const struct jail_check *c, const struct jail_numbers *numbers)
{
	load(p, FIELD(args) + 8 * c->arg);
	if (c->mask != ~0U)
		emit(p, BPF_ALU | BPF_AND | BPF_K, 0, 0, c->mask);
	for (int i = 0; i < c->n; i++)
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, (uint8_t)(c->n - i), 0,
			number_of(c->value[i], numbers));
	return emit(p, BPF_JMP | BPF_JA, 0, 0, 0);
}

static void emit_row(
	struct program *p, const struct jail_row *r, const struct jail_numbers *numbers)
{
	int skip = emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, (uint32_t)r->nr);
	int failed[JAIL_CHECKS], n = 0;

	while (n < JAIL_CHECKS && r->check[n].n) {
		failed[n] = emit_check(p, &r->check[n], numbers);
		n++;
	}
	emit(p, BPF_RET | BPF_K, 0, 0,
		r->action == JAIL_ALLOW ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | ENOSYS);
	if (p->len > JAIL_FILTER_MAX)
		return;
	for (int i = 0; i < n; i++)
		p->insn[failed[i]].k = (uint32_t)(p->len - failed[i] - 1);
	if (n)
		load(p, FIELD(nr));
	/* the next row finds the number loaded: a row with checks ends by loading it again */
	p->insn[skip].jf = (uint8_t)(p->len - skip - 1);
}

static bool too_long(const struct jail_row *r)
{
	int n = 2;

	for (int i = 0; i < JAIL_CHECKS && r->check[i].n; i++)
		n += 3 + r->check[i].n;
	return n > 200;
}

int jail_filter(struct sock_filter *insn, const struct jail_calls *calls,
	const struct jail_numbers *numbers, uint32_t otherwise)
{
	struct program p = { .insn = insn };

	load(&p, FIELD(arch));
	emit(&p, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, AUDIT_ARCH_X86_64);
	emit(&p, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_KILL_PROCESS);
	load(&p, FIELD(nr));
	for (size_t i = 0; i < calls->n; i++) {
		const struct jail_row *r = &calls->rows[i];

		if (r->profile & ~calls->profiles || r->action == JAIL_ASK)
			continue;
		if (too_long(r))
			return -E2BIG;
		emit_row(&p, r, numbers);
	}
	emit(&p, BPF_RET | BPF_K, 0, 0, otherwise);
	return p.len > JAIL_FILTER_MAX ? -E2BIG : p.len;
}
