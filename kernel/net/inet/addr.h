/* SPDX-License-Identifier: MIT */
/*
 * addr.h: one type for the addresses of both internet families. An IPv4 address is kept in its
 * mapped form, ::ffff:a.b.c.d (RFC 4291, 2.5.5.2), so the layers above the network layer need no
 * second case. "Any" is :: for both families.
 */
#ifndef NESTLING_NET_ADDR_H
#define NESTLING_NET_ADDR_H

#include "kernel/lib/string.h"
#include "kernel/lib/types.h"

#define htons(x) __builtin_bswap16((u16)(x))
#define ntohs(x) __builtin_bswap16((u16)(x))
#define htonl(x) __builtin_bswap32((u32)(x))
#define ntohl(x) __builtin_bswap32((u32)(x))

/* Words in network byte order; w[3] holds an IPv4 address. */
typedef struct {
	u32 w[4];
} ip_addr;

#define IP_ANY ((ip_addr){ { 0, 0, 0, 0 } })

/* Returns the mapped form of an IPv4 address; @be: in network byte order. */
static inline ip_addr ip_v4(u32 be)
{
	return (ip_addr){ { 0, 0, htonl(0xffff), be } };
}
static inline bool ip_is_v4(const ip_addr *a)
{
	return !a->w[0] && !a->w[1] && a->w[2] == htonl(0xffff);
}
/* True for ::, and for 0.0.0.0 in its mapped form. */
static inline bool ip_is_any(const ip_addr *a)
{
	return !(a->w[0] | a->w[1] | a->w[3]) && (!a->w[2] || ip_is_v4(a));
}
static inline bool ip_equal(const ip_addr *a, const ip_addr *b)
{
	return !memcmp(a, b, sizeof(*a));
}
static inline bool ip_is_loopback(const ip_addr *a)
{
	if (ip_is_v4(a))
		return (ntohl(a->w[3]) >> 24) == 127;
	return !a->w[0] && !a->w[1] && !a->w[2] && a->w[3] == htonl(1);
}
static inline bool ip_is_multicast(const ip_addr *a)
{
	if (ip_is_v4(a))
		return (ntohl(a->w[3]) >> 28) == 0xe;
	return (ntohl(a->w[0]) >> 24) == 0xff;
}
static inline bool ip_is_linklocal(const ip_addr *a)
{
	return (ntohl(a->w[0]) >> 22) == 0x3fa; /* fe80::/10 */
}
/* Returns a hash without a secret, whose high bits are the best ones. */
static inline u32 ip_hash(const ip_addr *a)
{
	return (a->w[0] ^ a->w[1] ^ a->w[2] ^ a->w[3]) * 0x9e3779b1U;
}
/* True if the first @bits (of 128) of @a and @b are equal. */
bool ip_prefix_equal(const ip_addr *a, const ip_addr *b, u32 bits);

#endif
