/* SPDX-License-Identifier: MIT */
/*
 * record.h: the interface between afl-nestling and its agent in the guest.
 *
 * The agent's words: afl-agent [OPTION...] PROGRAM [ARGUMENT...]
 *	-t MS		kills the program after so many ms
 *	-p		the program has no fork server
 *	-f		the program has a fork server, even if its file does not show it
 *	-V		the program's output goes to the console
 *	-c DIR		replaces the host's folder that is mounted at DIR by a copy
 *	-m TYPE		there is no PROGRAM: mounts the input as a file system of TYPE
 * In an ARGUMENT @@ is replaced by the input's path. Without @@ the input is standard input.
 *
 * Before the machine is marked, the agent writes a line to /dev/tty4: "map BYTES\n", the length of
 * the program's coverage map, or "error TEXT\n". After each run it writes a record: struct
 * agent_record followed by the map.
 */
#ifndef NESTLING_AFL_RECORD_H
#define NESTLING_AFL_RECORD_H

#include <stdint.h>

#define AGENT_MAGIC 0x20747061u /* "apt " */
#define AGENT_INPUT_MAX (1u << 20)
#define AGENT_MAP_MAX (8u << 20)

enum {
	/* the time limit has passed, and the agent has killed the program */
	AGENT_HANG = 1,
	AGENT_LOST = 2, /* the program's fork server has died */
};

/*
 * The record of a run. @flags: AGENT_HANG, AGENT_LOST. @map_len: bytes of @map, at most
 * AGENT_MAP_MAX.
 */
struct agent_record {
	uint32_t magic;
	int32_t status; /* of wait(2) */
	uint32_t flags;
	uint32_t map_len;
	uint8_t map[];
};

#endif
