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
	/* of a segment that came: its payload is the pattern for its seq */
	bool good_data;
	const uint8_t *payload;
	/* of a segment to be sent: offset in the stream of its first byte */
	uint32_t data_at;
};

/* True if the device delivers packets uncut and without checksums. */
extern bool segments_uncut;

/* The addresses of both ends, as in a frame from the peer to us. */
struct ends {
	bool v6;
	uint8_t peer[16], us[16]; /* IPv4: the first four bytes */
	uint8_t peer_mac[6], our_mac[6];
};

/* Makes a frame of @s in @f, which has FRAME_MAX bytes, from the peer to us. Returns its length. */
size_t segment_make(const struct ends *e, const struct segment *s, uint8_t *f);
/*
 * Reads a frame of @len bytes from us to the peer. Returns true with the segment in @s, whose
 * payload stays in @f; *why is then NULL or names a fault such as a wrong checksum. Returns false
 * with *why NULL if it is no TCP segment to this peer, or with the reason if its lengths are wrong.
 */
bool segment_parse(
	const struct ends *e, const uint8_t *f, size_t len, struct segment *s, const char **why);
/*
 * Makes an ICMP error in @f (type and code of IPv4, or of ICMPv6) with @word behind its checksum,
 * which quotes a segment of ours with @seq. Returns its length.
 */
size_t icmp_make(const struct ends *e, int type, int code, uint32_t word, uint16_t our_port,
	uint16_t peer_port, uint32_t seq, uint8_t *f);
/*
 * Makes an answer in @f to the ARP or neighbour question @q for any address of the peers. Returns
 * its length, or 0 if @q is no such question.
 */
size_t neighbour_answer(const uint8_t *q, size_t len, const uint8_t mac[6], uint8_t *f);

#endif
