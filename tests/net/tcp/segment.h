/* SPDX-License-Identifier: MIT */
/*
 * segment.h: TCP segments in frames, made and taken apart (segment.c). Sequence numbers are as on
 * the wire.
 */
#ifndef SEGMENT_H
#define SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define F_FIN 1
#define F_SYN 2
#define F_RST 4
#define F_PSH 8
#define F_ACK 16
#define F_URG 32
#define F_ECE 64
#define F_CWR 128
#define FRAME_MAX 66000
#define NO_COOKIE (-1)

struct segment {
	uint16_t sport, dport;
	uint32_t seq, ack, len;
	uint8_t flags, tos, ttl;
	uint32_t win, urg;
	/* options; mss 0, ws -1, cookie_len NO_COOKIE: not there */
	uint32_t mss, tsval, tsecr, sack[4][2];
	int ws, nr_sack, cookie_len;
	uint8_t cookie[16];
	/* exp: the cookie is in the experimental option */
	bool sackok, ts, exp;
	uint8_t kinds[12]; /* of the options, in their order */
	bool bad_sum;      /* to be sent with a wrong checksum */
	/* of one that came: its payload is the pattern at data_at */
	bool good_data;
	const uint8_t *payload;
	/* offset in the stream of the payload's first byte */
	uint32_t data_at;
};

/* Has the device deliver packets uncut and without checksums. */
extern bool segments_uncut;

/* The two ends, as a frame from the peer has them. */
struct ends {
	bool v6;
	uint8_t peer[16], us[16]; /* IPv4: the first four bytes */
	uint8_t peer_mac[6], our_mac[6];
};

/* A frame of @s in @f: its length. */
size_t segment_make(const struct ends *e, const struct segment *s, uint8_t *f);
/* False: no TCP segment to this peer, or a broken one (*why). */
bool segment_parse(
	const struct ends *e, const uint8_t *f, size_t len, struct segment *s, const char **why);
/*
 * An ICMP error (IPv4 type and code; v6: ICMPv6's) with @word behind its checksum that quotes a
 * segment of ours with @seq.
 */
size_t icmp_make(const struct ends *e, int type, int code, uint32_t word, uint16_t our_port,
	uint16_t peer_port, uint32_t seq, uint8_t *f);
/*
 * An answer in @f to an ARP or neighbour question @q for any address of the peers: its length, 0:
 * it is none.
 */
size_t neighbour_answer(const uint8_t *q, size_t len, const uint8_t mac[6], uint8_t *f);

#endif
