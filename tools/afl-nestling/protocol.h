/* SPDX-License-Identifier: MIT */
/*
 * protocol.h: the protocol of AFL's fork server, as in afl++ 4.04c: afl-nestling is the server for
 * afl-fuzz, and its agent in the guest is the client of an instrumented program's server.
 *
 * All words are 32 bits. The server starts with a word of options. If it offers a test case in
 * shared memory or a dictionary, the fuzzer answers with a word that selects which of them it uses.
 * Then, for each run: the fuzzer writes a word (1: the last run was killed), the server a pid and
 * then the status of wait(2). If the run lasts too long, the fuzzer kills this pid.
 *
 * Shared memory is System V's, and the environment has the ids. A test case in shared memory begins
 * with its length.
 */
#ifndef NESTLING_AFL_PROTOCOL_H
#define NESTLING_AFL_PROTOCOL_H

#include <stdint.h>

#define AFL_CONTROL_FD 198 /* from the fuzzer to the server */
#define AFL_STATUS_FD 199  /* from the server to the fuzzer */

/* Environment variables: ids of the map's memory and of the test case's, bytes of the map. */
#define AFL_MAP_ENV "__AFL_SHM_ID"
#define AFL_CASE_ENV "__AFL_SHM_FUZZ_ID"
#define AFL_MAP_SIZE_ENV "AFL_MAP_SIZE"
/* bytes of the map of a program whose server names no size */
#define AFL_MAP_SIZE 65536u
/* bytes of a test case in shared memory, without its length */
#define AFL_CASE_MAX (1u << 20)

/* Bits of the word of options. */
#define AFL_OPTIONS 0x80000001u
#define AFL_OPTION_MAP_SIZE 0x40000000u
#define AFL_OPTION_DICTIONARY 0x10000000u
#define AFL_OPTION_CASE 0x01000000u
#define AFL_OPTION_ERROR 0xf800008fu
#define AFL_MAP_SIZE_MAX 0x00800000u

/*
 * Returns the bits that encode a map size in bytes in the word of options, or 0 if the size is 1 or
 * less, or above AFL_MAP_SIZE_MAX.
 */
static inline uint32_t afl_put_map_size(uint32_t size)
{
	return size <= 1 || size > AFL_MAP_SIZE_MAX ? 0 : (size - 1) << 1;
}

/* Returns the map size in bytes from a word of options. */
static inline uint32_t afl_get_map_size(uint32_t options)
{
	return ((options & 0x00fffffeu) >> 1) + 1;
}

#endif
