/* SPDX-License-Identifier: MIT */
/*
 * xt_bytes.c: matches of iptables that search all bytes from the network header on: string, u32.
 *
 * A string is searched by the algorithm of Knuth, Morris and Pratt, whether a rule names bm or kmp:
 * the results are equal, and this one needs one step for each byte. The whole string must lie
 * between the rule's offsets.
 */
#include <linux/netfilter/xt_string.h>
#include <linux/netfilter/xt_u32.h>

#include "kernel/net/netfilter/xt.h"

/* ---- string ---- */

#define CHUNK 128U
#define PATTERN_MAX ((u32)XT_STRING_MAX_PATTERN_SIZE)

struct needle {
	u8 pattern[XT_STRING_MAX_PATTERN_SIZE];
	/*
	 * by matched length - 1: length of the longest prefix of the pattern that is a suffix of
	 * the matched part, but not all of it
	 */
	u8 back[XT_STRING_MAX_PATTERN_SIZE];
	bool fold;
};

static u8 folded(const struct needle *n, u8 c)
{
	return n->fold && c >= 'a' && c <= 'z' ? (u8)(c - 32) : c;
}

/* Returns the matched length after byte @c, when @k bytes have matched before it. */
static u32 advance(const struct needle *n, u32 k, u8 c)
{
	while (k && n->pattern[k] != c)
		k = n->back[k - 1];
	return n->pattern[k] == c ? k + 1 : k;
}

static void *open_string(struct nft_ctx *c, const void *i)
{
	const struct xt_string_info *m = i;
	struct needle *n;

	if (m->from_offset > m->to_offset || m->patlen > PATTERN_MAX || !m->patlen ||
		strnlen(m->algo, sizeof(m->algo)) == sizeof(m->algo))
		return ERR_PTR(-EINVAL);
	if (strcmp(m->algo, "bm") && strcmp(m->algo, "kmp"))
		return ERR_PTR(-ENOENT);
	n = kzalloc(sizeof(*n), NFT_GFP);
	if (!n)
		return ERR_PTR(-ENOMEM);
	return n;
}

static void prepare(struct needle *n, const struct xt_string_info *m, bool fold)
{
	n->fold = fold;
	for (u32 k = 0; k < m->patlen; k++)
		n->pattern[k] = folded(n, (u8)m->pattern[k]);
	for (u32 k = 1; k < m->patlen; k++)
		n->back[k] = (u8)advance(n, n->back[k - 1], n->pattern[k]);
}

static void *open_string0(struct nft_ctx *c, const void *i)
{
	struct needle *n = open_string(c, i);

	if (!IS_ERR(n))
		prepare(n, i, false);
	return n;
}

static void *open_string1(struct nft_ctx *c, const void *i)
{
	const struct xt_string_info *m = i;
	struct needle *n;

	if (m->u.v1.flags & ~(XT_STRING_FLAG_INVERT | XT_STRING_FLAG_IGNORECASE))
		return ERR_PTR(-EINVAL);
	n = open_string(c, i);
	if (!IS_ERR(n))
		prepare(n, m, m->u.v1.flags & XT_STRING_FLAG_IGNORECASE);
	return n;
}

static void close_string(struct nft_net *nn, void *state)
{
	kfree(state);
}

static bool string_there(
	const struct nft_pkt *p, const struct xt_string_info *m, const struct needle *n)
{
	u32 len = skb_len(p->skb), last = min(len, (u32)m->to_offset), k = 0;
	u8 chunk[CHUNK];

	for (u32 at = m->from_offset; at < last; at += CHUNK) {
		u32 some = min(last - at, CHUNK);

		p->s->work++;
		skb_copy(p->skb, at, chunk, some);
		for (u32 j = 0; j < some; j++) {
			k = advance(n, k, folded(n, chunk[j]));
			if (k == m->patlen)
				return true;
		}
	}
	return false;
}

static bool string(const struct nft_pkt *p, const void *i, void *state)
{
	const struct xt_string_info *m = i;

	return string_there(p, m, state) != !!(m->u.v1.flags & XT_STRING_FLAG_INVERT);
}

static bool string0(const struct nft_pkt *p, const void *i, void *state)
{
	const struct xt_string_info *m = i;

	return string_there(p, m, state) != !!m->u.v0.invert;
}

/* ---- u32 ---- */

static int check_u32(const void *i)
{
	const struct xt_u32 *m = i;

	if (m->ntests > ARRAY_SIZE(m->tests))
		return -EINVAL;
	for (u32 k = 0; k < m->ntests; k++)
		if (m->tests[k].nnums > ARRAY_SIZE(m->tests[k].location) ||
			m->tests[k].nvalues > ARRAY_SIZE(m->tests[k].value))
			return -EINVAL;
	return 0;
}

/* Reads the word at offset @pos from @base. Returns false if the packet is too short. */
static bool word_at(const struct nft_pkt *p, u32 base, u32 pos, u32 *v)
{
	u64 at = (u64)base + pos;
	u8 b[4];

	if (at + 4 > skb_len(p->skb))
		return false;
	skb_copy(p->skb, (u32)at, b, 4);
	*v = (u32)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3];
	return true;
}

static bool test_u32(const struct nft_pkt *p, const struct xt_u32_test *t)
{
	u32 v, base = 0;

	if (!word_at(p, 0, t->location[0].number, &v))
		return false;
	for (u32 i = 1; i < t->nnums; i++) {
		u32 n = t->location[i].number;

		switch (t->location[i].nextop) {
		case XT_U32_AND: v &= n; break;
		case XT_U32_LEFTSH: v <<= n & 31; break;
		case XT_U32_RIGHTSH: v >>= n & 31; break;
		case XT_U32_AT:
			if (__builtin_add_overflow(base, v, &base) || !word_at(p, base, n, &v))
				return false;
			break;
		default: break;
		}
	}
	for (u32 i = 0; i < t->nvalues; i++)
		if (v >= t->value[i].min && v <= t->value[i].max)
			return true;
	return false;
}

static bool match_u32(const struct nft_pkt *p, const void *i)
{
	const struct xt_u32 *m = i;
	bool ok = true;

	for (u32 k = 0; ok && k < m->ntests; k++)
		ok = test_u32(p, &m->tests[k]);
	return ok != !!m->invert;
}

const struct xt_kind xt_bytes_matches[] = {
	{ "string", 0, 0, sizeof(struct xt_string_info), .open = open_string0,
		.close = close_string, .keeps = string0 },
	{ "string", 1, 0, sizeof(struct xt_string_info), .open = open_string1,
		.close = close_string, .keeps = string },
	{ "u32", 0, 0, sizeof(struct xt_u32), .check = check_u32, .match = match_u32 },
	{ NULL },
};
